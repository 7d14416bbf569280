"use strict";
(() => {
  const form = document.getElementById("filter");
  const shown = document.getElementById("shown");
  const requirements = [...document.querySelectorAll("details.requirement")];
  const sections = [...document.querySelectorAll("section.requirements")];

  const apply = () => {
    const status = form.elements.status.value;
    const words = form.elements.words.value.toLowerCase().split(/\s+/).filter(Boolean);
    let visible = 0;
    for (const requirement of requirements) {
      const fits = (!status || requirement.dataset.status === status)
        && words.every((word) => requirement.dataset.words.includes(word));
      requirement.hidden = !fits;
      visible += fits;
    }
    for (const section of sections) {
      section.hidden = !section.querySelector("details.requirement:not([hidden])");
    }
    shown.textContent = `${visible} of ${requirements.length} requirements shown`;
  };

  const fold = (open) => {
    for (const requirement of requirements) {
      if (!requirement.hidden) requirement.open = open;
    }
  };

  // A link to a requirement leads to it whatever the filter hides, and opens it.
  const follow = () => {
    const target = document.getElementById(location.hash.slice(1));
    if (!target || !target.matches("details.requirement, section.requirements h3")) return;
    const hidden = target.closest("[hidden]");
    if (hidden) {
      form.reset();
      apply();
    }
    if (target.matches("details")) target.open = true;
    target.scrollIntoView();
  };

  let unfolded = [];
  addEventListener("beforeprint", () => {
    unfolded = [...document.querySelectorAll("details:not([open])")];
    for (const details of unfolded) details.open = true;
  });
  addEventListener("afterprint", () => {
    for (const details of unfolded) details.open = false;
  });

  form.addEventListener("change", apply);
  form.addEventListener("input", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  document.getElementById("unfold").addEventListener("click", () => fold(true));
  document.getElementById("fold").addEventListener("click", () => fold(false));
  addEventListener("hashchange", follow);

  form.hidden = false;
  apply();
  follow();
})();
