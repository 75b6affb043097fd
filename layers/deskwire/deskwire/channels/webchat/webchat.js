// Deskwire's chat: one file, no dependencies. Put it on your own site and embed it with one tag:
//
//   <script src="/webchat.js" defer data-endpoint="https://…/pages/site-chat" data-chat="website"></script>
//
// Further attributes: data-title, data-language (else the document's), data-color, data-side (end or start),
// data-contact="off" (never ask for an address), data-files="off", and data-label-… for any text below.
// It evaluates nothing, writes no markup and sets no style attribute, so `script-src` and `connect-src` are all that a
// content security policy has to allow.
"use strict";

(() => {
  const tag = document.currentScript;
  const { endpoint, chat = "website", color, side = "end", contact = "on", files = "on" } = tag.dataset;
  if (!endpoint) { console.error("webchat.js: the tag has no data-endpoint"); return; }
  const language = tag.dataset.language || document.documentElement.lang || navigator.language || "en";

  // ------------------------------------------------------------------------------------------------- texts

  const names = ["title", "open", "close", "log", "write", "send", "attach", "remove", "sending", "sent", "failed", "again",
    "offline", "waiting", "unread", "away", "name", "email", "save", "decline", "thanks", "forget", "sure", "file", "you", "us", "auto"];
  const texts = {
    en: ["Chat", "Chat with us", "Close the chat", "Conversation", "Write a message", "Send", "Attach files", "Remove",
      "Sending…", "Sent", "Not sent", "Try again", "You are offline. What you write is kept and sent when you are back.",
      "It cannot be sent just now; we keep trying.", "New messages",
      "Nobody is here just now. Leave your address, and we answer by e-mail as well.", "Name", "E-mail", "Leave address", "No, thanks",
      "Thank you. We answer here and by e-mail.", "Delete this conversation", "Delete this conversation from this device?",
      "This file cannot be sent", "You", "We", "automatic"],
    de: ["Chat", "Chatten Sie mit uns", "Chat schließen", "Unterhaltung", "Nachricht schreiben", "Senden",
      "Dateien anhängen", "Entfernen", "Wird gesendet…", "Gesendet", "Nicht gesendet", "Erneut versuchen",
      "Sie sind offline. Ihre Nachricht bleibt erhalten und wird gesendet, sobald Sie wieder online sind.",
      "Das Senden gelingt gerade nicht; wir versuchen es weiter.", "Neue Nachrichten",
      "Im Moment ist niemand da. Hinterlassen Sie Ihre Adresse, dann antworten wir auch per E-Mail.", "Name", "E-Mail",
      "Adresse hinterlassen", "Nein, danke", "Danke. Wir antworten hier und per E-Mail.", "Unterhaltung löschen",
      "Diese Unterhaltung von diesem Gerät löschen?", "Diese Datei kann nicht gesendet werden", "Sie", "Wir", "automatisch"],
    fr: ["Chat", "Discuter avec nous", "Fermer le chat", "Conversation", "Écrire un message", "Envoyer",
      "Joindre des fichiers", "Retirer", "Envoi…", "Envoyé", "Non envoyé", "Réessayer",
      "Vous êtes hors ligne. Votre message est conservé et sera envoyé à votre retour.",
      "L’envoi échoue pour l’instant ; nous réessayons.", "Nouveaux messages",
      "Personne n’est là pour le moment. Laissez votre adresse et nous répondrons aussi par e-mail.", "Nom", "E-mail",
      "Laisser mon adresse", "Non, merci", "Merci. Nous répondons ici et par e-mail.", "Supprimer cette conversation",
      "Supprimer cette conversation de cet appareil ?", "Ce fichier ne peut pas être envoyé", "Vous", "Nous", "automatique"],
    es: ["Chat", "Chatea con nosotros", "Cerrar el chat", "Conversación", "Escribe un mensaje", "Enviar",
      "Adjuntar archivos", "Quitar", "Enviando…", "Enviado", "No enviado", "Reintentar",
      "Estás sin conexión. Lo que escribas se guarda y se envía cuando vuelvas.",
      "Ahora no se puede enviar; seguimos intentándolo.", "Mensajes nuevos",
      "Ahora no hay nadie. Deja tu dirección y responderemos también por correo.", "Nombre", "Correo electrónico",
      "Dejar dirección", "No, gracias", "Gracias. Respondemos aquí y por correo.", "Eliminar esta conversación",
      "¿Eliminar esta conversación de este dispositivo?", "Este archivo no se puede enviar", "Tú", "Nosotros", "automático"],
    ar: ["محادثة", "تحدث معنا", "إغلاق المحادثة", "المحادثة", "اكتب رسالة", "إرسال", "إرفاق ملفات", "إزالة",
      "جارٍ الإرسال…", "أُرسلت", "لم تُرسل", "أعد المحاولة", "أنت غير متصل. نحتفظ بما تكتبه ونرسله عند عودة الاتصال.",
      "تعذّر الإرسال الآن؛ سنواصل المحاولة.", "رسائل جديدة",
      "لا يوجد أحد الآن. اترك عنوانك وسنجيبك بالبريد الإلكتروني أيضًا.", "الاسم", "البريد الإلكتروني", "حفظ العنوان", "لا، شكرًا",
      "شكرًا. نجيبك هنا وبالبريد الإلكتروني.", "حذف هذه المحادثة", "هل تريد حذف هذه المحادثة من هذا الجهاز؟",
      "لا يمكن إرسال هذا الملف", "أنت", "نحن", "تلقائي"],
    he: ["צ׳אט", "דברו איתנו", "סגירת הצ׳אט", "שיחה", "כתיבת הודעה", "שליחה", "צירוף קבצים", "הסרה", "נשלח…", "נשלחה",
      "לא נשלחה", "ניסיון נוסף", "אין חיבור. מה שנכתב נשמר ויישלח כשהחיבור יחזור.", "אי אפשר לשלוח כרגע; ננסה שוב.",
      "הודעות חדשות", "אין כאן אף אחד כרגע. השאירו כתובת ונענה גם בדוא״ל.", "שם", "דוא״ל", "שמירת הכתובת", "לא, תודה",
      "תודה. נענה כאן ובדוא״ל.", "מחיקת השיחה", "למחוק את השיחה מהמכשיר הזה?", "אי אפשר לשלוח את הקובץ הזה", "את/ה",
      "אנחנו", "אוטומטי"],
  };
  const chosen = texts[language.slice(0, 2).toLowerCase()] || texts.en;
  const say = Object.fromEntries(names.map((name, place) => [
    name, tag.dataset[`label${name[0].toUpperCase()}${name.slice(1)}`] || chosen[place],
  ]));
  say.title = tag.dataset.title || say.title;
  const rightToLeft = /^(ar|he|fa|ur|yi|ps|sd|ug|dv)\b/i.test(language);

  // ------------------------------------------------------------------------------------------------- what is kept

  // Read again before each change, so that two tabs share it. Where a browser forbids storage it lasts as long as the page.
  const place = `deskwire-chat ${endpoint} ${chat}`;
  const DAYS = 86400000;
  let memory = "", volatile = false;
  const kept = {
    get: (name, where = "localStorage") => { try { return window[where].getItem(name); } catch { return null; } },
    set: (name, value, where = "localStorage") => { try { window[where].setItem(name, value); return true; } catch { return false; } },
  };
  const empty = () => ({ items: [], cursor: "", token: "", unread: 0, away: false, declined: false, contact: null, page: "", active: 0, link: "" });
  const state = () => {
    try { return { ...empty(), ...JSON.parse((volatile ? memory : kept.get(place)) || "{}") }; } catch { return empty(); }
  };
  const change = (act) => {
    const now = state();
    act(now);
    now.items = now.items.filter(({ at }) => Date.now() - at < 28 * DAYS).slice(-200);
    memory = JSON.stringify(now);
    volatile = !kept.set(place, memory);
    show();
  };
  const changeItem = (id, values) => change(({ items }) => {
    const item = items.find((each) => each.id === id);
    if (item) Object.assign(item, values);
  });
  const uuid = () => "10000000-1000-4000-8000-100000000000".replace(/[018]/g, (digit) =>
    (digit ^ (crypto.getRandomValues(new Uint8Array(1))[0] & (15 >> (digit / 4)))).toString(16));

  // ------------------------------------------------------------------------------------------------- what is seen

  const make = (name, values = {}, ...children) => {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(values)) {
      if (key in made) made[key] = value; else made.setAttribute(key, value);
    }
    made.append(...children);
    return made;
  };
  const icon = (path) => {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    for (const [key, value] of Object.entries({ viewBox: "0 0 24 24", width: 22, height: 22, "aria-hidden": "true" })) svg.setAttribute(key, value);
    const drawing = document.createElementNS(svg.namespaceURI, "path");
    drawing.setAttribute("d", path);
    svg.append(drawing);
    return svg;
  };
  const CROSS = "M6 6l12 12M18 6L6 18", BIN = "M4 7h16M9 7V4h6v3M6 7l1 13h10l1-13M10 11v6M14 11v6",
    CLIP = "M20 11l-8.5 8.5a5 5 0 0 1-7-7L13 4a3.4 3.4 0 0 1 5 5l-8.6 8.5a1.8 1.8 0 0 1-2.5-2.5L14.5 7.5";
  const styles = new CSSStyleSheet();
  styles.replaceSync(`
    :host { --accent: #0b5cad; --on: #fff; --back: #fff; --fore: #1b1f24; --soft: #eef1f5; --line: #8a94a3; --bad: #b00020;
      all: initial; color-scheme: light dark; font: 16px/1.45 system-ui, sans-serif; color: var(--fore); }
    @media (prefers-color-scheme: dark) { :host { --accent: #7db7f5; --on: #06233f; --back: #15181d; --fore: #eef1f5;
      --soft: #262b33; --line: #6f7a8a; --bad: #ff9aa5; } }
    * { box-sizing: border-box; font: inherit; }
    [hidden] { display: none !important; }
    :focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
    button { cursor: pointer; border: 1px solid transparent; border-radius: 999px; padding: .5em 1em;
      background: var(--accent); color: var(--on); min-height: 44px; min-width: 44px; }
    svg { display: block; fill: none; stroke: currentColor; stroke-width: 2; stroke-linecap: round; stroke-linejoin: round; }
    button.plain { background: none; color: inherit; padding: .5em; }
    .launcher { position: fixed; inset-block-end: 1rem; inset-inline-end: 1rem; z-index: 2147483000; font-weight: 600;
      box-shadow: 0 2px 10px #0006; }
    .start .launcher, .start .panel { inset-inline: 1rem auto; }
    .badge { margin-inline-start: .5em; padding: 0 .5em; border-radius: 999px; background: var(--on); color: var(--accent); }
    .panel { position: fixed; inset-block-end: 1rem; inset-inline-end: 1rem; z-index: 2147483001; display: flex;
      flex-direction: column; inline-size: min(24rem, calc(100vw - 2rem)); block-size: min(38rem, calc(100dvh - 2rem));
      background: var(--back); color: var(--fore); border: 1px solid var(--line); border-radius: 12px; overflow: hidden;
      box-shadow: 0 6px 30px #0006; }
    @media (max-width: 30rem), (max-height: 26rem) { .panel, .start .panel { inset: 0; inline-size: 100%;
      block-size: 100dvh; border: 0; border-radius: 0; } }
    header { display: flex; align-items: center; gap: .25rem; padding-block: .25rem;
      padding-inline: 1rem .25rem; background: var(--accent); color: var(--on); }
    header :focus-visible { outline-color: currentColor; outline-offset: -3px; }
    h2 { flex: 1; margin: 0; font-weight: 600; overflow-wrap: anywhere; }
    ol { flex: 1; margin: 0; padding: 1rem; overflow-y: auto; list-style: none; display: flex; flex-direction: column;
      gap: .6rem; overscroll-behavior: contain; }
    li { max-inline-size: 85%; align-self: start; }
    li.me { align-self: end; }
    li p { margin: 0; padding: .5em .8em; border-radius: 12px; background: var(--soft); white-space: pre-wrap;
      overflow-wrap: anywhere; }
    li.me p { background: var(--accent); color: var(--on); }
    li a { color: inherit; }
    li small { display: block; font-size: .8rem; padding-inline: .8em; text-align: end; }
    li.us small { text-align: start; }
    li small button { min-height: 0; padding: 0 .4em; background: none; color: inherit; text-decoration: underline; }
    .choices { display: flex; flex-wrap: wrap; gap: .4rem; padding-block: .4rem; }
    .choices button { background: none; color: inherit; border-color: var(--line); }
    .failed small, .bad { color: var(--bad); }
    .note { margin: 0; padding: .4rem 1rem; font-size: .875rem; }
    .note:empty { display: none; }
    form { display: grid; gap: .5rem; padding: .6rem; border-block-start: 1px solid var(--line); }
    .ask { max-block-size: 55%; overflow-y: auto; }
    .ask .note { padding: 0; }
    .compose { grid-template-columns: auto 1fr auto; align-items: end; }
    .compose.bare { grid-template-columns: 1fr auto; }
    .chosen { grid-column: 1 / -1; display: flex; flex-wrap: wrap; gap: .4rem; margin: 0; padding: 0; list-style: none; }
    .chosen li { max-inline-size: 100%; background: var(--soft); border-radius: 8px; padding-inline-start: .6em; }
    textarea, input { inline-size: 100%; padding: .55em .7em; border: 1px solid var(--line); border-radius: 10px;
      background: var(--back); color: inherit; }
    ::placeholder { color: inherit; opacity: .75; }
    textarea { resize: none; max-block-size: 9rem; min-block-size: 44px; field-sizing: content; }
    .quiet { position: absolute; inline-size: 1px; block-size: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
    @media (forced-colors: active) { li p, .badge { border: 1px solid; } }
  `);
  const host = make("div", { lang: language, dir: rightToLeft ? "rtl" : "ltr" });
  const root = host.attachShadow({ mode: "open" });
  root.adoptedStyleSheets = [styles];
  if (color && CSS.supports("color", color)) {
    const own = new CSSStyleSheet();
    own.replaceSync(`:host { --accent: ${color}; --on: #fff; }`);
    root.adoptedStyleSheets = [styles, own];
  }

  const badge = make("span", { className: "badge", hidden: true });
  const launcher = make("button", { type: "button", className: "launcher", "aria-expanded": "false", "aria-controls": "panel" }, say.open, badge);
  const told = make("p", { className: "quiet", role: "status" });
  const forget = make("button", { type: "button", className: "plain", title: say.forget, "aria-label": say.forget }, icon(BIN));
  const close = make("button", { type: "button", className: "plain", title: say.close, "aria-label": say.close }, icon(CROSS));
  const log = make("ol", { role: "log", "aria-live": "polite", "aria-label": say.log, tabIndex: 0 });
  const note = make("p", { className: "note", role: "status" });
  const name = make("input", { name: "name", autocomplete: "name", maxLength: 200 });
  const email = make("input", { name: "email", type: "email", autocomplete: "email", required: true, maxLength: 254 });
  const decline = make("button", { type: "button", className: "plain" }, say.decline);
  const ask = make("form", { className: "ask", hidden: true, "aria-label": say.save },
    make("p", { className: "note" }, say.away), make("label", {}, say.name, name), make("label", {}, say.email, email),
    make("div", {}, make("button", {}, say.save), decline));
  const area = make("textarea", { rows: 1, dir: "auto", "aria-label": say.write, placeholder: say.write, maxLength: 20000, enterKeyHint: "send" });
  const picker = make("input", { type: "file", multiple: true, hidden: true, "aria-label": say.attach });
  const attach = make("button", { type: "button", className: "plain", title: say.attach, "aria-label": say.attach }, icon(CLIP));
  const chosenFiles = make("ul", { className: "chosen", hidden: true });
  const compose = make("form", { className: "compose" }, chosenFiles, attach, area, make("button", {}, say.send), picker);
  if (files === "off") { attach.remove(); compose.classList.add("bare"); }
  const panel = make("section", { id: "panel", className: "panel", role: "dialog", "aria-label": say.title, hidden: true },
    make("header", {}, make("h2", {}, say.title), forget, close), log, note, ask, compose);
  root.append(make("div", { className: side === "start" ? "start" : "" }, launcher, told, panel));

  const linked = (text) => text.split(/(https?:\/\/[^\s<>"]+[^\s<>".,;:!?)\]])/).map((part, number) => number % 2
    ? make("a", { href: part, target: "_blank", rel: "noopener noreferrer nofollow" }, part) : part);
  const clock = (at) => new Date(at).toLocaleTimeString(language, { hour: "2-digit", minute: "2-digit" });

  function line(item) {
    const mine = item.from === "me";
    const words = [item.text, ...(item.files || []).map((each) => `[${each.name}]`)].filter(Boolean).join("\n");
    const small = make("small", {}, make("time", { dateTime: new Date(item.at).toISOString() }, clock(item.at)));
    if (item.automatic) small.append(` · ${say.auto}`);
    if (mine) small.append(` · ${{ waiting: say.sending, failed: item.problem || say.failed }[item.state] || say.sent}`);
    if (item.state === "failed" && !item.lost) {
      const again = make("button", { type: "button" }, say.again);
      again.addEventListener("click", () => { changeItem(item.id, { state: "waiting" }); flush(); });
      small.append(" ", again);
    }
    const pick = choices(item);
    return make("li", { className: `${item.from} ${item.state || ""}` },
      make("p", { dir: "auto" }, make("span", { className: "quiet", dir: host.dir }, `${mine ? say.you : say.us}: `), ...linked(words)), ...pick, small);
  }

  // The buttons below a question; once one was pressed, they are gone.
  function choices({ id, choices: offered, text }) {
    if (!offered) return [];
    const buttons = offered.map(({ choice, title }) => {
      const button = make("button", { type: "button" }, title);
      button.addEventListener("click", () => { changeItem(id, { choices: null }); add({ text: title, choice }); area.focus(); });
      return button;
    });
    return [make("div", { className: "choices", role: "group", "aria-label": text }, ...buttons)];
  }

  // Only what changed is drawn anew: the log is a live region, and what is drawn twice is read out twice.
  const drawn = new Map();
  let trouble = "";
  const opened = () => !panel.hidden;
  function show() {
    const { items, unread, away, declined, contact: known } = state();
    const bottom = log.scrollHeight - log.scrollTop - log.clientHeight < 60;
    for (const [id, { node }] of drawn) if (!items.some((item) => item.id === id)) { node.remove(); drawn.delete(id); }
    let added = false;
    for (const item of items) {
      const text = JSON.stringify([item.state, item.problem, !item.choices]);
      const before = drawn.get(item.id);
      if (before && before.text === text) continue;
      const node = line(item);
      if (before) {
        before.node.className = node.className;
        before.node.lastChild.replaceWith(node.lastChild);
        if (!item.choices) for (const old of before.node.querySelectorAll(".choices")) old.remove();
      } else {
        log.append(node);
        added = true;
      }
      drawn.set(item.id, { node: before ? before.node : node, text });
    }
    if (added && bottom) log.scrollTop = log.scrollHeight;
    badge.hidden = !unread;
    badge.textContent = unread || "";
    const heard = unread && !opened() ? `${say.unread}: ${unread}` : "";
    if (told.textContent !== heard) told.textContent = heard;
    const wrong = navigator.onLine === false ? say.offline : trouble;
    if (note.textContent !== wrong) note.textContent = wrong;
    ask.hidden = !(away && !known && !declined && contact !== "off");
    forget.hidden = !items.length;
  }

  function open(shown, focus = true) {
    panel.hidden = !shown;
    launcher.hidden = shown;
    launcher.setAttribute("aria-expanded", String(shown));
    kept.set(`${place} open`, shown ? "1" : "", "sessionStorage");
    if (shown) { read(); log.scrollTop = log.scrollHeight; }
    if (focus) (shown ? area : launcher).focus();
    poll();
  }

  // ------------------------------------------------------------------------------------------------- the network

  async function post(path, body, token) {
    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort(), 20000);
    try {
      const headers = { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) };
      const answer = await fetch(endpoint + path, {
        method: "POST", headers, body: JSON.stringify(body), credentials: "omit", signal: stop.signal,
      });
      return { code: answer.status, ...(await answer.json().catch(() => ({}))) };
    } finally {
      clearTimeout(timer);
    }
  }

  // Begins a session with the first message, so that who only looks at the page costs nothing.
  async function session() {
    const { token } = state();
    if (token) return token;
    const made = await post("/session", { schema: "chat.session/1", widget_id: chat });
    if (made.code !== 201) return "";
    change((now) => { now.token = now.token || made.token; now.cursor = ""; now.page = ""; });
    return state().token;
  }

  const REFUSED = new Set([400, 413]);
  const over = (token) => change((now) => { if (now.token === token) now.token = ""; });

  const attached = new Map(); // the files themselves, by the message's id: they outlive no reload
  async function upload(item, token) {
    const sent = [];
    for (const file of attached.get(item.id) || []) {
      const wanted = { schema: "upload.requested/1", id: uuid(), name: file.name, type: file.type, size: file.size };
      const made = await post("/files", wanted, token);
      if (REFUSED.has(made.code)) return null;
      if (made.code === 401) over(token);
      if (made.code !== 201) throw new Error();
      const data = new FormData();
      for (const [field, value] of Object.entries(made.fields)) data.append(field, value);
      data.append("file", file);
      const stored = await fetch(made.url, { method: "POST", body: data, credentials: "omit" });
      if (stored.status >= 400 && stored.status < 500) return null;
      if (!stored.ok) throw new Error();
      sent.push({ id: made.id, name: file.name, type: file.type });
    }
    return sent;
  }

  async function deliver(item) {
    const token = await session();
    if (!token) return false;
    const { away, contact: known, page, link } = state();
    if (item.files && !item.uploads) {
      if (!attached.has(item.id)) { changeItem(item.id, { state: "failed", problem: say.file, lost: true }); return true; }
      const uploads = await upload(item, token);
      if (!uploads) { changeItem(item.id, { state: "failed", problem: say.file, lost: true }); return true; }
      changeItem(item.id, { uploads });
      item.uploads = uploads;
    }
    const here = location.origin + location.pathname;
    const answer = await post("", item.kind === "contact"
      ? { schema: "chat.contact/1", id: item.id, ...item.contact }
      : {
        schema: "chat.message/1", id: item.id, message: item.text, locale: language, uploads: item.uploads || [],
        waited: Math.max(0, Math.round((Date.now() - item.at) / 1000)),
        ...(page !== here && { page_url: here }), ...(away && known), ...(link && { link }), ...(item.choice && { choice: item.choice }),
      }, token);
    if (answer.code === 202) {
      attached.delete(item.id);
      change((now) => { now.page = here; now.active = Date.now(); if (item.kind !== "contact") now.link = ""; });
      changeItem(item.id, { state: "sent" });
      return true;
    }
    if (answer.code === 401) over(token);
    if (REFUSED.has(answer.code)) {
      if (item.kind === "contact") change((now) => { now.contact = null; });
      changeItem(item.id, { state: "failed", problem: say.failed });
      return true;
    }
    return false;
  }

  // One after the other, and one tab at a time where the browser has locks. What is sent twice all the same is known by
  // its id as the same.
  const alone = (act) => (navigator.locks ? navigator.locks.request(place, act) : act());
  let busy = false, tries = 0, later = 0;
  async function flush() {
    if (busy) return;
    busy = true;
    clearTimeout(later);
    let left = true, soon;
    try {
      await alone(async () => {
        for (;;) {
          const item = state().items.find((each) => each.state === "waiting");
          if (!item) { left = false; break; }
          if (!(await deliver(item))) break;
          tries = 0;
          soon = 500; // an acknowledgement is quick
        }
      });
    } catch { /* no network: what waits is kept */ }
    busy = false;
    trouble = left && tries > 1 ? say.waiting : "";
    if (left) later = setTimeout(flush, Math.min(60000, 1000 * 2 ** tries++));
    show();
    poll(soon);
  }

  // Every second and a half while a conversation is on the screen, rarely while it is not, never in a hidden tab.
  let timer = 0, polling = false, faults = 0;
  const LONG = 30 * 60000;
  function pace() {
    const { token, active } = state();
    if (!token || document.hidden) return 0;
    const idle = Date.now() - active;
    const usual = opened() ? (idle < LONG ? 1500 : 10000) : idle < LONG ? 5000 : idle < DAYS ? 60000 : 300000;
    return Math.min(300000, usual * 2 ** faults);
  }
  function poll(soon = Infinity) {
    clearTimeout(timer);
    const wait = pace();
    if (wait) timer = setTimeout(look, Math.min(soon, wait));
  }
  async function look() {
    if (polling) return;
    polling = true;
    const { token, cursor } = state();
    try {
      const page = await post("/messages", { schema: "chat.read/1", after: cursor }, token);
      faults = page.code === 200 ? 0 : Math.min(6, faults + 1);
      if (page.code === 200) take(page, token);
      else if (page.code === 401) over(token);
    } catch {
      faults = Math.min(6, faults + 1);
    }
    polling = false;
    poll();
  }
  function take({ messages, cursor }, token) {
    if (!messages.length) return;
    change((now) => {
      if (now.token !== token) return;
      now.cursor = cursor;
      now.active = Date.now();
      for (const { id, text, automatic, closed, choices: offered } of messages) {
        if (now.items.some((item) => item.id === id)) continue;
        now.items.push({ id, from: "us", text, automatic, at: Date.now(), fresh: true, ...(offered && { choices: offered }) });
        now.unread += 1;
        if (closed) now.away = true;
        if (!automatic) now.away = false;
      }
    });
    read();
  }

  // What is on the screen is seen: the count ends, and the company is told of the last answer, once.
  function read() {
    if (!opened() || document.hidden) return;
    const { items, unread, token } = state();
    if (!unread) return;
    const last = items.filter(({ from, fresh, automatic }) => from === "us" && fresh && !automatic).pop();
    change((now) => { now.unread = 0; for (const item of now.items) delete item.fresh; });
    if (last && token) post("", { schema: "chat.seen/1", seen: last.id }, token).catch(() => {});
  }

  // ------------------------------------------------------------------------------------------------- what people do

  let picked = [];
  function showPicked() {
    chosenFiles.replaceChildren(...picked.map((file, number) => {
      const drop = make("button", { type: "button", className: "plain", "aria-label": `${say.remove}: ${file.name}` }, icon(CROSS));
      drop.addEventListener("click", () => { picked.splice(number, 1); showPicked(); area.focus(); });
      return make("li", {}, file.name, drop);
    }));
    chosenFiles.hidden = !picked.length;
  }
  function add(values) {
    const item = { id: uuid(), from: "me", at: Date.now(), state: "waiting", ...values };
    if (picked.length && !item.kind) {
      attached.set(item.id, picked);
      item.files = picked.map((file) => ({ name: file.name }));
      picked = [];
      showPicked();
    }
    change((now) => { now.items.push(item); now.active = Date.now(); });
    log.scrollTop = log.scrollHeight;
    flush();
  }
  const draft = `${place} draft`;
  compose.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!area.value.trim() && !picked.length) return;
    add({ text: area.value.trim() });
    area.value = "";
    kept.set(draft, "", "sessionStorage");
    area.focus();
  });
  area.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    compose.requestSubmit();
  });
  area.addEventListener("input", () => kept.set(draft, area.value, "sessionStorage"));
  ask.addEventListener("submit", (event) => {
    event.preventDefault();
    const given = { name: name.value.trim(), email: email.value.trim() };
    change((now) => { now.contact = given; });
    add({ kind: "contact", contact: given, text: `${say.thanks}\n${given.name} ${given.email}`.trim() });
    area.focus();
  });
  decline.addEventListener("click", () => { change((now) => { now.declined = true; }); area.focus(); });
  attach.addEventListener("click", () => picker.click());
  picker.addEventListener("change", () => { picked = [...picked, ...picker.files].slice(0, 5); picker.value = ""; showPicked(); area.focus(); });
  launcher.addEventListener("click", () => open(true));
  close.addEventListener("click", () => open(false));
  forget.addEventListener("click", () => {
    if (!window.confirm(say.sure)) return;
    change((now) => Object.assign(now, empty()));
    area.focus();
  });
  panel.addEventListener("keydown", (event) => { if (event.key === "Escape" && !event.isComposing) { event.preventDefault(); open(false); } });
  window.addEventListener("storage", ({ key }) => { if (key === place) { show(); read(); flush(); } });
  window.addEventListener("online", () => { tries = 0; faults = 0; show(); flush(); poll(0); });
  window.addEventListener("offline", show);
  document.addEventListener("visibilitychange", () => { read(); poll(0); });

  const begin = () => {
    document.body.append(host);
    area.value = kept.get(draft, "sessionStorage") || "";
    // Who came by a one-time link has its token behind the page's address; it goes along with the first words, once.
    const [, link = ""] = /^#deskwire=([A-Za-z0-9_-]{22})$/.exec(location.hash) || [];
    if (link) {
      history.replaceState(history.state, "", location.pathname + location.search);
      change((now) => { now.link = link; });
    }
    show();
    if (link || kept.get(`${place} open`, "sessionStorage")) open(true, false);
    if (state().items.some((item) => item.state === "waiting")) flush();
    poll(0);
  };
  if (document.body) begin(); else document.addEventListener("DOMContentLoaded", begin);
})();
