// A contact form for Deskwire's web form channel: copy it, it needs nothing else.
"use strict";

const form = document.querySelector("form");
const button = form.querySelector("button");
const notice = document.querySelector("[role=status]");
const { endpoint, form: formId, sitekey } = form.dataset;

// Who came by a one-time link has its token behind the page's address, once.
const [, link = ""] = /^#deskwire=([A-Za-z0-9_-]{22})$/.exec(location.hash) || [];
if (link) history.replaceState(null, "", location.pathname + location.search);

// Once for each form shown: a repeated post is known as the same by it.
let submission = crypto.randomUUID();

// A token works once and lives for five minutes: take it, and have the widget make the next.
let token = "";
let waiting = null;
const widget = turnstile.render(".captcha", {
  sitekey,
  action: "contact",
  callback: (made) => {
    token = made;
    button.disabled = false;
    if (waiting) waiting();
  },
  "expired-callback": () => { token = ""; turnstile.reset(widget); },
});

async function takeToken() {
  if (!token) await new Promise((done) => { waiting = done; });
  waiting = null;
  const taken = token;
  token = "";
  turnstile.reset(widget);
  return taken;
}

async function post(path, content) {
  const body = JSON.stringify({ ...content, "cf-turnstile-response": await takeToken() });
  const once = () => fetch(endpoint + path, {
    method: "POST", headers: { "content-type": "application/json" }, credentials: "omit", body,
  });
  let answer;
  try {
    answer = await once();
  } catch {
    answer = await once(); // the answer was lost: the very same bytes are taken for the same
  }
  return { code: answer.status, ...(await answer.json().catch(() => ({}))) };
}

async function upload(file) {
  const wanted = { schema: "upload.requested/1", form_id: formId, name: file.name, type: file.type, size: file.size };
  const place = await post("/uploads", wanted);
  if (place.code !== 201) throw new Error(`${file.name} cannot be sent`);
  const data = new FormData();
  for (const [name, value] of Object.entries(place.fields)) data.append(name, value);
  data.append("file", file);
  const answer = await fetch(place.url, { method: "POST", body: data });
  if (!answer.ok) throw new Error(`${file.name} did not arrive`);
  return { id: place.id, name: file.name, type: file.type };
}

function problem(text) {
  notice.className = "problem";
  notice.textContent = text;
}

// Who ticks the box may fill in a number and a time, and agrees to the very words beside it. The browser's time has no
// offset, and the company may be elsewhere.
const { phone, call_at: wished, consent } = form.elements;
const offerCall = () => { phone.disabled = wished.disabled = !consent.checked; };
consent.addEventListener("change", offerCall);
form.addEventListener("reset", () => setTimeout(offerCall));

function call() {
  if (!consent.checked) return {};
  const at = wished.value && new Date(wished.value).toISOString();
  return { phone: phone.value, call_at: at, consent: { call: form.querySelector("[data-consent]").textContent } };
}

async function send() {
  const value = (name) => form.elements[name].value;
  const uploads = [];
  for (const file of form.elements.files.files) uploads.push(await upload(file));
  const content = {
    schema: "form.submitted/1", form_id: formId, submission_id: submission,
    name: value("name"), email: value("email"), subject: value("subject"), message: value("message"),
    fields: [...form.querySelectorAll("[data-field]")].filter((input) => input.value)
      .map((input) => ({ name: input.name, value: input.value })),
    locale: navigator.language, page_url: location.href, client_ts: new Date().toISOString(),
    leave_empty: value("leave_empty"), uploads, ...call(), ...(link && { link }),
  };
  let answer = await post("", content);
  if (answer.code === 401) answer = await post("", content); // the captcha's token was too old: with a new one
  if (answer.code === 202) {
    notice.className = "";
    notice.textContent = `Thank you. Your reference: ${answer.reference}`;
    form.reset();
    submission = crypto.randomUUID();
  } else if (answer.code === 400) {
    problem((answer.fields || []).map(({ field, problem }) => `${field} ${problem}`).join(", "));
  } else if (answer.code === 429) {
    problem("Too many messages from here. Please try again in some minutes.");
  } else {
    problem("That did not work. Please try again.");
  }
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  button.disabled = true;
  try {
    await send();
  } catch (error) {
    problem(error.message || "That did not work. Please try again.");
  } finally {
    button.disabled = false;
  }
});
