"""One run and many: plans, their execution, and what becomes of it."""
