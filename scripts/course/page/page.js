// Asks for the page again and again, and replaces only the parts that have changed: nothing flickers, and the keyboard's
// focus, which is on a link of the header, stays.

const EVERY_MS = 1000;
const TIMEOUT_MS = 5000;
const PARTS = ["step", "seen", "steps"];

function follow(fresh) {
  for (const id of PARTS) {
    const [now, next] = [document, fresh].map((page) => page.getElementById(id));
    // A live region is read out when its content is replaced, even by the same.
    if (now.innerHTML !== next.innerHTML) now.replaceChildren(...next.childNodes);
  }
  document.title = fresh.title;
}

async function refresh() {
  const gone = document.getElementById("gone");
  try {
    const answer = await fetch(location.href, { cache: "no-store", signal: AbortSignal.timeout(TIMEOUT_MS) });
    follow(new DOMParser().parseFromString(await answer.text(), "text/html"));
    if (gone.textContent) gone.textContent = "";
  } catch {
    if (!gone.textContent) gone.textContent = gone.dataset.text;
  }
  setTimeout(refresh, EVERY_MS);
}

setTimeout(refresh, EVERY_MS);
