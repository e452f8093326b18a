"""Components that ship with the core, and the base that several learners share."""
