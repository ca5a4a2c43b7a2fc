"use strict";
(() => {
  const body = document.querySelector("tbody");
  const rows = [...body.rows].map((element) => ({
    element,
    text: element.textContent.toLowerCase(),
    states: element.dataset.states.trim().split(" "),
    isOdd: element.classList.contains("odd"),
  }));
  const [filter, odd, shown] = ["filter", "odd", "shown"].map((id) => document.getElementById(id));
  const states = [...document.querySelectorAll("button.state")];

  // Every word has to be in the row.
  const choose = () => {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    const wanted = states.filter((one) => one.ariaPressed === "true").map((one) => one.dataset.state);
    let count = 0;
    for (const row of rows) {
      const isChosen = words.every((word) => row.text.includes(word))
        && (wanted.length === 0 || wanted.some((state) => row.states.includes(state)))
        && (!odd.checked || row.isOdd);
      row.element.hidden = !isChosen;
      count += isChosen;
    }
    shown.value = `${count} of ${rows.length} namespaces`;
  };

  const sort = (head) => {
    const isDown = head.ariaSort === "ascending";
    const isNumber = "number" in head.dataset;
    const key = (row) => {
      const cell = row.element.cells[head.cellIndex];
      return isNumber ? Number(cell.dataset.sort) : cell.textContent;
    };
    const compare = isNumber ? (one, other) => one - other : new Intl.Collator(undefined, { numeric: true }).compare;
    const keyed = rows.map((row) => [key(row), row]);
    keyed.sort(([one], [other]) => (isDown ? -1 : 1) * compare(one, other));
    for (const other of head.parentElement.cells) other.ariaSort = null;
    head.ariaSort = isDown ? "descending" : "ascending";
    body.append(...keyed.map(([, row]) => row.element));
  };

  filter.addEventListener("input", choose);
  odd.addEventListener("input", choose);
  document.querySelector("form").addEventListener("submit", (event) => event.preventDefault());
  for (const state of states) {
    state.addEventListener("click", () => {
      state.ariaPressed = state.ariaPressed === "true" ? "false" : "true";
      choose();
    });
  }
  for (const head of document.querySelectorAll("thead th")) {
    head.querySelector("button").addEventListener("click", () => sort(head));
  }
  choose();
  document.body.dataset.ready = "";
})();
