// Fills the tab "Canary split", which Locust's page leaves empty, with a frame that is as high as what it shows.
(() => {
  const key = "canary-split";
  const frame = document.createElement("iframe");
  frame.src = `./${key}`;
  frame.title = "Canary split";
  frame.style.cssText = "border: 0; width: 100%; min-height: 60vh; display: block;";
  frame.addEventListener("load", () => {
    const { body } = frame.contentDocument;
    new ResizeObserver(() => { frame.style.height = `${body.offsetHeight}px`; }).observe(body);
  });

  function place() {
    const tabs = document.querySelector('#root [role="tablist"]');
    const selected = new URLSearchParams(location.search).get("tab") === key;
    if (!tabs || !selected) {
      frame.remove();
    } else if (!frame.isConnected) {
      tabs.closest(".MuiContainer-root").append(frame);
    }
  }

  new MutationObserver(place).observe(document.getElementById("root"), { childList: true, subtree: true });
})();
