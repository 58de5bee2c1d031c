// Keys: S, D and K choose an answer, digits a reason, Enter confirms what was chosen.
const form = document.querySelector("form");
if (form) {
  const reason = form.elements.reason;
  const buttons = Object.fromEntries(
    [...form.querySelectorAll("button[name=answer]")].map((button) => [button.value, button]));
  let chosen = null;

  const choose = (button) => {
    if (!button || button.disabled) return;
    for (const other of Object.values(buttons)) other.classList.toggle("chosen", other === button);
    chosen = button;
    // To leave a pair for later needs no reason.
    reason.required = button !== buttons.later;
    if (reason.value || !reason.required) form.requestSubmit(button);
    else reason.focus();
  };
  const give = (text) => {
    reason.value = text;
    if (chosen) form.requestSubmit(chosen);
  };

  for (const button of Object.values(buttons)) {
    button.addEventListener("click", () => { reason.required = button !== buttons.later; });
  }
  for (const button of form.querySelectorAll("[data-reason]")) {
    button.addEventListener("click", () => give(button.dataset.reason));
  }
  document.addEventListener("keydown", (event) => {
    const isTyping = event.target.tagName === "INPUT";
    if (event.key === "Escape") document.activeElement.blur();
    if (event.key === "Enter" && isTyping && !event.isComposing && chosen) {
      event.preventDefault();
      form.requestSubmit(chosen);
    }
    if (isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
    const answer = { s: "same", d: "different", k: "later" }[event.key.toLowerCase()];
    const given = form.querySelectorAll("[data-reason]")[Number(event.key) - 1];
    if (answer) choose(buttons[answer]);
    else if (given) give(given.dataset.reason);
    else if (event.key.toLowerCase() === "r") reason.focus();
    else return;
    event.preventDefault();
  });
}
