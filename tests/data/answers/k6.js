import http from "k6/http";

export const options = { vus: 2, iterations: 30, noConnectionReuse: true, maxRedirects: 0 };

export default function () {
  const started = Date.now();
  const { status, headers, body } = http.get(__ENV.URL);
  const seconds = (Date.now() - started) / 1000;
  console.log(JSON.stringify({ status, headers, body, started_at: started / 1000, seconds }));
}
