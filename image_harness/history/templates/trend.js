"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const tools = document.getElementById("tools");
  const highlight = document.getElementById("highlight");
  const count = data.nights.length;
  if (!count) return;
  const { night, range } = tools.elements;
  const pictures = [...document.querySelectorAll("svg.strip, svg.lines")];
  const cursors = [...document.querySelectorAll("rect.cursor")];
  const rows = [...document.querySelectorAll("#night tbody tr")];
  const retried = data.cells.map((cell) => new Set(cell.retried));
  const words = { m: ["met", "met", "\u2713"], n: ["not-met", "not met", "\u2717"], u: ["unproven", "unproven", "?"] };

  const element = (tag, kind, text) => {
    const made = document.createElement(tag);
    if (kind) made.className = kind;
    if (text) made.textContent = text;
    return made;
  };

  const verdict = (place, at) => {
    const cell = data.cells[place];
    const found = words[cell.verdicts[at]];
    if (!found) return [element("span", "badge", "no run")];
    const badge = element("span", `badge ${found[0]}`);
    const icon = element("span", "icon", found[2]);
    icon.setAttribute("aria-hidden", "true");
    badge.append(icon, ` ${found[1]}`);
    const [number, ...bad] = data.sets[cell.bad[at]];
    const notes = [];
    if (retried[place].has(at)) notes.push("retried");
    if (cell.absent[at]) notes.push(cell.absent[at]);
    if (bad.length) {
      const more = number > bad.length ? ` and ${number - bad.length} more` : "";
      notes.push(bad.map((one) => data.requirements[one]).join(", ") + more);
    }
    return notes.length ? [badge, " ", element("span", "brief", notes.join("; "))] : [badge];
  };

  const amount = (metric, value) => {
    if (value === null) return "\u2013";
    const { unit, digits } = data.metrics[metric];
    return `${value.toFixed(digits)} ${unit}`.trim();
  };

  const show = () => {
    const at = Number(night.value);
    for (const cursor of cursors) {
      cursor.setAttribute("x", at);
    }
    night.setAttribute("aria-valuetext", data.nights[at]);
    document.getElementById("night-heading").textContent = `Night of ${data.nights[at]}`;
    rows.forEach((row, place) => {
      const [, told, ...amounts] = row.children;
      told.replaceChildren(...verdict(place, at));
      amounts.forEach((one, metric) => { one.textContent = amount(metric, data.cells[place].values[metric][at]); });
    });
  };

  const look = () => {
    const wanted = Number(range.value) || count;
    const first = Math.max(count - wanted, 0);
    for (const picture of pictures) {
      const height = picture.matches(".strip") ? 1 : picture.viewBox.baseVal.height;
      picture.setAttribute("viewBox", `${first} 0 ${count - first} ${height}`);
    }
    night.min = first;
    document.getElementById("from").textContent = data.nights[first];
    show();
  };

  const isBad = (at) => data.cells.some((cell) => "nu".includes(cell.verdicts[at]));
  const seek = (step) => {
    let at = Number(night.value) + step;
    while (at >= 0 && at < count && !isBad(at)) at += step;
    if (at < 0 || at >= count) return;
    if (at < Number(night.min)) {
      range.value = "0";
      night.min = 0;
    }
    night.value = at;
    look();
  };

  const choose = () => {
    const cell = highlight.elements.cell.value;
    document.querySelector(".plots").classList.toggle("chosen", cell !== "");
    for (const line of document.querySelectorAll(".lines path")) {
      line.classList.toggle("chosen", line.dataset.cell === cell);
      if (line.dataset.cell === cell) line.parentNode.insertBefore(line, line.parentNode.querySelector("rect"));
    }
  };

  for (const picture of pictures) {
    picture.addEventListener("pointerdown", (event) => {
      const box = picture.getBoundingClientRect();
      const first = Number(night.min);
      night.value = first + Math.floor((event.clientX - box.left) / box.width * (count - first));
      show();
    });
  }
  night.addEventListener("input", show);
  range.addEventListener("change", look);
  highlight.addEventListener("change", choose);
  for (const form of [tools, highlight]) form.addEventListener("submit", (event) => event.preventDefault());
  document.getElementById("earlier").addEventListener("click", () => seek(-1));
  document.getElementById("later").addEventListener("click", () => seek(1));

  range.value = count <= 30 ? "0" : "90";
  document.body.classList.add("scripted");
  tools.hidden = false;
  highlight.hidden = !document.querySelector(".plot");
  look();
})();
