import http from "k6/http";

export const options = { vus: 2, iterations: 30, noConnectionReuse: true, maxRedirects: 0 };

export default function () {
  const { status, headers, body } = http.get(__ENV.URL);
  console.log(JSON.stringify({ status, headers, body }));
}
