"use strict";
// Sorting, filtering and pivoting of tables, and the comparison of runs. No framework, no network.
(function () {
  const $ = (selector, inside = document) => inside.querySelector(selector);
  const all = (selector, inside = document) => Array.from(inside.querySelectorAll(selector));

  /** Return an element with text and attributes; text is never markup. */
  function make(tag, text = "", attributes = {}) {
    const element = document.createElement(tag);
    if (text !== "") element.textContent = text;
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    return element;
  }

  function table(caption, headings, rows) {
    const whole = make("table"), head = make("thead"), body = make("tbody"), top = make("tr");
    whole.append(make("caption", caption));
    for (const heading of headings) top.append(make("th", heading, { scope: "col" }));
    head.append(top);
    for (const row of rows) {
      const line = make("tr");
      row.forEach((cell, number) => {
        const element = number ? make("td", cell, { class: "n" }) : make("th", cell, { scope: "row" });
        line.append(element);
      });
      body.append(line);
    }
    whole.append(head, body);
    const around = make("div", "", { class: "scroll", role: "region", tabindex: "0", "aria-label": `Table: ${caption}` });
    around.append(whole);
    return around;
  }

  // Sorting: a button in each heading.
  function valueOf(row, column, numeric) {
    const cell = row.cells[column];
    if (!numeric) return cell.textContent.trim().toLowerCase();
    const value = cell.dataset.value;
    return value === undefined || value === "" ? null : Number(value);
  }

  function sort(whole, column, numeric, heading) {
    const before = heading.getAttribute("aria-sort");
    const order = before === "ascending" ? "descending" : before === "descending" ? "ascending" : numeric ? "descending" : "ascending";
    const sign = order === "ascending" ? 1 : -1;
    const body = whole.tBodies[0];
    const keyed = Array.from(body.rows, (row) => [valueOf(row, column, numeric), row]);
    keyed.sort(([a], [b]) => {
      if (a === null || b === null) return (a === null) - (b === null); // what is not known comes last
      return sign * (numeric ? a - b : a < b ? -1 : a > b ? 1 : 0);
    });
    body.append(...keyed.map(([, row]) => row));
    for (const other of whole.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", order);
  }

  for (const whole of all("table[data-sortable]")) {
    Array.from(whole.tHead.rows[0].cells).forEach((heading, column) => {
      const button = make("button", heading.textContent, { type: "button" });
      heading.replaceChildren(button);
      button.addEventListener("click", () => sort(whole, column, heading.dataset.sort === "number", heading));
    });
  }

  // Filters of a table.
  function filter(form) {
    const whole = document.getElementById(form.dataset.filters);
    const texts = new Map();
    const rows = Array.from(whole.tBodies[0].rows);
    for (const row of rows) texts.set(row, row.textContent.toLowerCase());
    const count = $("output", form);
    function apply() {
      const words = ($("[data-filter=text]", form)?.value || "").toLowerCase().split(/\s+/).filter(Boolean);
      const benchmark = $("[data-filter=benchmark]", form)?.value || "";
      const ranked = $("[data-filter=ranked]", form)?.checked;
      let shown = 0;
      for (const row of rows) {
        const fits = words.every((word) => texts.get(row).includes(word)) &&
          (!benchmark || row.dataset.benchmark === benchmark) && (!ranked || row.dataset.ranked === "yes");
        row.hidden = !fits;
        shown += fits;
      }
      if (count) count.textContent = `${shown} of ${rows.length} rows`;
    }
    form.hidden = false;
    form.addEventListener("input", apply);
    form.addEventListener("submit", (event) => event.preventDefault());
    apply();
  }
  all("form[data-filters]").forEach(filter);

  // Pivot of the leaderboard.
  function pivot(section) {
    const ways = ["translator", "constraints", "learner"];
    const choice = (name) => $(`#pivot-${name}`);
    const board = Array.from($("#board").tBodies[0].rows);
    function draw() {
      const [down, across] = [choice("rows").value, choice("columns").value];
      const third = ways.find((way) => way !== down && way !== across);
      const of = board.filter((row) => row.dataset.ranked && !row.dataset.ceiling && row.dataset.benchmark === choice("benchmark").value);
      const kept = choice("rest").value;
      const names = [...new Set(of.map((row) => row.dataset[third]))];
      choice("rest").replaceChildren(new Option("all", ""), ...names.map((name) => new Option(name, name)));
      choice("rest").value = names.includes(kept) ? kept : "";
      const column = Number(choice("measure").value), cells = new Map();
      for (const row of of) {
        const value = valueOf(row, column, true);
        if (value === null || (choice("rest").value && row.dataset[third] !== choice("rest").value)) continue;
        const key = JSON.stringify([row.dataset[down], row.dataset[across]]);
        cells.set(key, [...(cells.get(key) || []), value]);
      }
      const keys = [...cells.keys()].map((key) => JSON.parse(key));
      const rows = [...new Set(keys.map(([a]) => a))], columns = [...new Set(keys.map(([, b]) => b))];
      const percent = /%|mAP|rank|Gap|Identity|Gain/.test(choice("measure").selectedOptions[0].text);
      const text = (values) => {
        if (!values) return "";
        const mean = values.reduce((a, b) => a + b, 0) / values.length;
        const shown = percent ? (100 * mean).toFixed(1) : mean.toPrecision(3);
        return values.length > 1 ? `${shown} (mean of ${values.length})` : shown;
      };
      const lines = rows.map((a) => [a, ...columns.map((b) => text(cells.get(JSON.stringify([a, b]))))]);
      const title = `${choice("measure").selectedOptions[0].text}: ${down} x ${across}`;
      $("#pivot").replaceChildren(...(lines.length ? Array.from(table(title, [down, ...columns], lines).children) : [make("p", "Nothing is ranked here.")]));
    }
    section.hidden = false;
    section.addEventListener("input", draw);
    $("form", section).addEventListener("submit", (event) => event.preventDefault());
    draw();
  }
  if ($("[data-pivot]")) pivot($("[data-pivot]"));

  // Comparison of runs: each run's values are a script of its own, loaded when it is chosen.
  const loaded = new Map(), waiting = new Map();
  window.reidbenchRun = (run) => {
    loaded.set(run.id, run);
    waiting.get(run.id)?.();
  };
  function load(id) {
    if (loaded.has(id)) return Promise.resolve();
    return new Promise((done, fail) => {
      waiting.set(id, done);
      const script = make("script", "", { src: `data/${encodeURIComponent(id)}.js` });
      script.addEventListener("error", () => fail(new Error(`data/${id}.js cannot be read`)));
      document.head.append(script);
    });
  }

  /** Return mean difference and interval of paired values, persons resampled (2,000 times). */
  function paired(persons, first, second) {
    const people = new Map();
    let sum = 0, count = 0;
    persons.forEach((person, i) => {
      if (first[i] === null || second[i] === null) return;
      const gain = second[i] - first[i], own = people.get(person) || [0, 0];
      people.set(person, [own[0] + gain, own[1] + 1]);
      sum += gain;
      count += 1;
    });
    if (!count) return null;
    const groups = [...people.values()], means = [];
    let state = 0;
    const draw = () => { // mulberry32, seeded: the same page shows the same interval
      state = (state + 0x6d2b79f5) | 0;
      let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
      mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
      return Math.floor(((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296 * groups.length);
    };
    for (let n = 0; n < 2000; n += 1) {
      let total = 0, size = 0;
      for (let k = 0; k < groups.length; k += 1) {
        const [gain, times] = groups[draw()];
        total += gain;
        size += times;
      }
      means.push(total / size);
    }
    means.sort((a, b) => a - b);
    return [sum / count, means[49], means[1949]];
  }

  const signed = (value) => (value < 0 ? "" : "+") + (100 * value).toFixed(1);
  const found = (ranks) => ranks.map((rank) => (rank > 0 ? Number(rank === 1) : null));

  function flipped(base, other) {
    const rows = [];
    base.first.forEach((rank, i) => {
      const theirs = other.first[i];
      if (rank > 0 && theirs > 0 && (rank === 1) !== (theirs === 1)) rows.push([i, base.pid[i], rank, theirs]);
    });
    return rows;
  }

  function against(base, other) {
    const part = make("section");
    part.append(make("h2", `${other.name} against ${base.name}`));
    if (!base.queries || base.queries !== other.queries) {
      part.append(make("p", "They are not of the same queries, or do not tell them: they cannot be paired."));
    } else {
      const rows = [["mAP", paired(base.pid, base.ap, other.ap)], ["rank-1", paired(base.pid, found(base.first), found(other.first))]]
        .filter(([, told]) => told)
        .map(([name, [mean, low, high]]) => [name, signed(mean), `${signed(low)} to ${signed(high)}`]);
      part.append(table("Paired differences over queries, in points", ["Measure", "Difference", "95 % interval"], rows));
      const flips = flipped(base, other), gained = flips.filter((row) => row[3] === 1).length;
      const details = make("details");
      details.append(make("summary", `Flipped queries: ${gained} found first only by ${other.name}, ${flips.length - gained} only by ${base.name}`));
      details.append(table("Queries, and the rank of the first right image", ["Query", "Person", base.name, other.name], flips.map((row) => row.map(String))));
      part.append(details);
    }
    return part;
  }

  function compare(runs) {
    const parts = [], [base, ...others] = runs;
    const measures = Object.keys(base.measures);
    parts.push(make("h2", "Measures"), table("In percent", ["Measure", ...runs.map((run) => run.name)],
      measures.map((name) => [name, ...runs.map((run) => String(run.measures[name] ?? ""))])));
    for (const other of others) parts.push(against(base, other));
    const names = [...new Set(runs.flatMap((run) => Object.keys(run.recipe)))];
    const differing = names.filter((name) => new Set(runs.map((run) => run.recipe[name])).size > 1);
    parts.push(make("h2", "Recipes"));
    parts.push(differing.length
      ? table("What differs", ["Parameter", ...runs.map((run) => run.name)], differing.map((name) => [name, ...runs.map((run) => run.recipe[name] ?? "")]))
      : make("p", "The recipes are the same."));
    return parts;
  }

  const out = $("#comparison");
  if (out) {
    const boxes = all("#choice input");
    let chosen = [];
    const show = async () => {
      history.replaceState(null, "", `#${chosen.map(encodeURIComponent).join(",")}`);
      for (const box of boxes) box.checked = chosen.includes(box.value);
      const asked = chosen.slice();
      try {
        await Promise.all(asked.map(load));
      } catch (error) {
        out.replaceChildren(make("p", error.message));
        return;
      }
      if (asked.join() !== chosen.join()) return;
      if (asked.length < 2) out.replaceChildren(make("p", asked.length ? "Choose one more." : "Nothing is chosen."));
      else out.replaceChildren(...compare(asked.map((id) => loaded.get(id))));
    };
    for (const box of boxes) {
      box.addEventListener("change", () => {
        chosen = box.checked ? [...chosen, box.value] : chosen.filter((id) => id !== box.value);
        show();
      });
    }
    $("#clear").addEventListener("click", () => { chosen = []; show(); });
    const known = new Set(boxes.map((box) => box.value));
    const asked = () => location.hash.slice(1).split(",").map((id) => { try { return decodeURIComponent(id); } catch { return ""; } });
    const follow = () => { chosen = [...new Set(asked())].filter((id) => known.has(id)); show(); };
    window.addEventListener("hashchange", follow);
    follow();
  }
})();
