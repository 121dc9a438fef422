"use strict";
/* Draws what the server says in #state, and then every two seconds what it says in status.json. Texts go in as text, never
 * as HTML: names of shares are whatever somebody called them. */

const POLL_MS = 2000, WINDOW_MS = 60000, WINDOW_LEAST_MS = 5000, SHARES_SHOWN = 50;
const WAYS = { sent: "sent to clients", received: "received" };
const KINDS = ["plain", "signed", "encrypted"];
const RESOURCES = { connections: "connections", sessions: "sessions", open_files: "open files", memory: "buffer memory" };

const $ = id => document.getElementById(id);

/* ---- texts ---- */

const whole = n => Math.round(n).toLocaleString("en-US");

function rounded(n) {
  return n >= 100 || Number.isInteger(n) ? whole(n) : n >= 10 ? n.toFixed(1) : n.toFixed(2);
}

function bytes(n) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
  let i = 0;
  for (; n >= 1024 && i < units.length - 1; i++) n /= 1024;
  return (i ? rounded(n) : whole(n)) + " " + units[i];
}

function percent(part, all) {
  const p = all ? 100 * part / all : 0;
  return (p > 0 && p < 0.1 ? "< 0.1" : p > 99.9 && p < 100 ? "> 99.9" : p === 0 || p === 100 ? p.toFixed(0) : p.toFixed(1)) + " %";
}

function duration(ns) {
  if (ns === null) return "–";
  const units = [["ns", 1e3], ["µs", 1e3], ["ms", 1e3], ["s", Infinity]];
  let i = 0;
  for (; ns >= units[i][1]; i++) ns /= units[i][1];
  return (ns >= 100 ? ns.toFixed(0) : ns.toPrecision(2)) + " " + units[i][0];
}

function uptime(ms) {
  const m = Math.floor(ms / 60000), h = Math.floor(m / 60), d = Math.floor(h / 24);
  if (d) return `${d} d ${h % 24} h`;
  if (h) return `${h} h ${m % 60} min`;
  return m ? `${m} min` : `${Math.floor(ms / 1000)} s`;
}

const plural = (n, one, many) => `${whole(n)} ${n === 1 ? one : many}`;

/* ---- elements ---- */

function make(tag, text, className) {
  const e = document.createElement(tag);
  if (text !== undefined) e.textContent = text;
  if (className) e.className = className;
  return e;
}

/* The head may go on in a new line behind each "_". */
function row(head, ...cells) {
  const tr = make("tr"), th = make("th");
  for (const part of head.split(/(?<=_)/)) th.append(part, make("wbr"));
  th.scope = "row";
  tr.append(th, ...cells);
  return tr;
}

const number = text => make("td", text, "n");

function fill(id, rows, columns, nothing) {
  if (rows.length) return $(id).replaceChildren(...rows);
  const td = make("td", nothing, "none"), tr = make("tr");
  td.colSpan = columns;
  tr.append(td);
  $(id).replaceChildren(tr);
}

function text(id, s) {
  if ($(id).textContent !== s) $(id).textContent = s;
}

function bar(parts, all, label) {
  const b = make("div", undefined, "bar");
  b.setAttribute("role", "img");
  b.setAttribute("aria-label", label);
  for (const [n, className] of parts)
    if (n > 0) {
      const i = make("i", undefined, className);
      i.style.width = 100 * Math.min(1, n / all) + "%";
      b.append(i);
    }
  return b;
}

/* ---- sections ---- */

function verdict(s) {
  const plain = s.stats.traffic.received.plain.messages, open = s.shares.filter(x => !x.encrypt_data).length;
  const except = s.settings.encrypt_data && open ? ` Not on ${plural(open, "share", "shares")} with encrypt_data = false.` : "";
  if (s.settings.reject_unencrypted_access)
    return ["good", "✔", "Unencrypted requests are refused", "Everything after the logon is encrypted, both ways."];
  if (s.settings.require_message_signing && s.settings.encrypt_data)
    return ["good", "✔", "Every request must be signed or encrypted; answers are encrypted",
      "Clients that cannot encrypt are answered signed. reject_unencrypted_access would shut them out." + except];
  if (s.settings.require_message_signing)
    return ["good", "✔", "Every request must be signed or encrypted", "Nobody on the way can change messages; signed ones can be read."];
  if (s.settings.encrypt_data)
    return ["fair", "●", "Answers are encrypted with clients that can",
      "What clients send unencrypted and unsigned is processed: reject_unencrypted_access or require_message_signing forbid that." + except];
  return ["poor", "▲", "Clients decide: unsigned requests are processed",
    `Messages can be changed on their way. ${plural(plain, "message", "messages")} came unprotected since the start, those of logons included.`];
}

function drawPosture(s) {
  const [className, mark, short, long] = verdict(s), items = [];
  $("posture").className = "card wide " + className;
  text("verdict-mark", mark);
  text("verdict-text", short);
  text("verdict-more", long);
  for (const [name, on] of Object.entries(s.settings)) items.push(make("li", `${name} = ${on}`, on === true ? "on" : ""));
  $("settings").replaceChildren(...items);
  drawAudit(s);
}

/* security_audit: whom stricter settings would shut out. */
function drawAudit(s) {
  const names = { signing: "require_message_signing", encryption: "reject_unencrypted_access", ntlm: "ntlm = false",
    dialects: "dialects without SMB2.002 and SMB2.1" };
  const some = Object.entries(names).filter(([key]) => s.stats.audited[key]);
  $("audit").hidden = !s.settings.security_audit;
  text("audit", "Audit: " + (some.length ? "logons that would have been shut out: " +
    some.map(([key, name]) => `${whole(s.stats.audited[key])} by ${name}`).join(", ") : "no stricter setting would have shut out anybody") + ".");
}

function drawClients(s, rates) {
  const a = s.sessions.accounts, others = [];
  if (a.guest) others.push(plural(a.guest, "guest", "guests"));
  if (a.anonymous) others.push(`${whole(a.anonymous)} anonymous`);
  if (s.sessions.setting_up) others.push(`${whole(s.sessions.setting_up)} logging on`);
  text("connections", whole(s.stats.resources.connections.now));
  text("sessions", whole(s.stats.resources.sessions.now));
  text("open-files", whole(s.stats.resources.open_files.now));
  text("request-rate", rounded(rates.requests));
  text("accounts", !s.stats.resources.sessions.now ? "" : others.length ? `Of the sessions: ${others.join(", ")}.` : "All sessions are of named accounts.");
}

/* Bytes and requests a second between samples of history. */
function ratesOf(history) {
  const list = [];
  for (let i = 1; i < history.uptime_ms.length; i++) {
    const seconds = (history.uptime_ms[i] - history.uptime_ms[i - 1]) / 1000;
    if (seconds <= 0) continue;
    const rate = values => Math.max(0, (values[i] - values[i - 1]) / seconds);
    list.push({ at: history.uptime_ms[i], sent: rate(history.sent), received: rate(history.received), requests: rate(history.requests) });
  }
  return list;
}

function line(rates, way, top) {
  const from = rates[0].at, span = Math.max(1, rates[rates.length - 1].at - from);
  return rates.map((r, i) => `${i ? "L" : "M"}${(300 * (r.at - from) / span).toFixed(1)} ${(68 - 64 * r[way] / top).toFixed(1)}`).join("");
}

function drawThroughput(rates) {
  if (rates.length < 2) {
    text("spark-note", "The first seconds are being measured.");
    text("rate-sent", "–");
    text("rate-received", "–");
    return;
  }
  const last = rates[rates.length - 1], top = Math.max(1, ...rates.map(r => Math.max(r.sent, r.received)));
  const minutes = uptime(last.at - rates[0].at), most = `${bytes(top)}/s`;
  text("rate-sent", bytes(last.sent) + "/s");
  text("rate-received", bytes(last.received) + "/s");
  for (const way of Object.keys(WAYS)) $("spark-" + way).setAttribute("d", line(rates, way, top));
  $("spark").setAttribute("aria-label", `Throughput of the last ${minutes}: at most ${most}, now ${bytes(last.sent)}/s sent and ` +
    `${bytes(last.received)}/s received`);
  text("spark-note", `The last ${minutes}; the highest point is ${most}.`);
}

function drawTraffic(s) {
  const rows = [];
  for (const [way, name] of Object.entries(WAYS)) {
    const t = s.stats.traffic[way], all = KINDS.reduce((sum, k) => sum + t[k].bytes, 0);
    const div = make("div", undefined, "row"), head = make("div", undefined, "row-head"), legend = make("ul", undefined, "legend");
    head.append(make("span", name), make("span", bytes(all)));
    for (const k of KINDS) {
      const li = make("li"), i = make("i", undefined, k);
      i.setAttribute("aria-hidden", "true");
      li.append(i, `${k} ${percent(t[k].bytes, all)}`);
      legend.append(li);
    }
    div.append(head, bar(KINDS.map(k => [t[k].bytes, k]), all, KINDS.map(k => `${k} ${percent(t[k].bytes, all)}`).join(", ")), legend);
    rows.push(div);
  }
  $("traffic").replaceChildren(...rows);
}

function resource(name, now, max, show) {
  const div = make("div", undefined, "row"), head = make("div", undefined, "row-head"), high = max && now / max > 0.8;
  head.append(make("span", name), make("span", max ? `${show(now)} of ${show(max)}${high ? ": nearly all" : ""}` : `${show(now)}, no limit`));
  div.append(head);
  if (max) {
    const b = bar([[now, high ? "used high" : "used"]], max, "");
    b.setAttribute("role", "meter");
    b.setAttribute("aria-label", name);
    b.setAttribute("aria-valuemin", 0);
    b.setAttribute("aria-valuemax", max);
    b.setAttribute("aria-valuenow", now);
    div.append(b);
  }
  return div;
}

function drawResources(s) {
  const rows = [];
  for (const [key, name] of Object.entries(RESOURCES)) {
    const r = s.stats.resources[key];
    rows.push(resource(name, r.now, r.max, key === "memory" ? bytes : whole));
  }
  rows.push(resource("file descriptors", s.process.descriptors, s.process.descriptors_max, whole));
  $("resources").replaceChildren(...rows);
}

function drawProtection(s) {
  const all = s.sessions.protection;
  fill("protection", all.map(p => row(p.dialect, make("td", p.signing || "none", p.signing ? "" : "weak"),
    make("td", p.cipher || "none", p.cipher ? "" : "weak"), number(whole(p.sessions)))), 4, "nobody is logged on");
  text("demands", `Must sign or encrypt each request: ${whole(s.sessions.signing_required)}. Are sent everything encrypted: ` +
    `${whole(s.sessions.encrypted)}.`);
}

function drawRefusals(s) {
  const old = new Map(first.refusals.map(r => [r.reason, r.count]));
  const some = s.refusals.filter(r => r.count).sort((a, b) => b.count - a.count);
  text("refused", whole(some.reduce((sum, r) => sum + r.count, 0)));
  text("logons-failed", whole(s.stats.logons_failed));
  text("logons", whole(s.stats.logons));
  fill("refusals", some.map(r => row(r.text, number(whole(r.count)), number(whole(r.count - (old.get(r.reason) || 0))))), 3, "nothing was refused");
}

/* In nanoseconds: below which `part` of the requests are. limits[i] is the upper end of bucket i, and the lower of the next. */
function quantile(counts, limits, part) {
  const all = counts.reduce((sum, n) => sum + n, 0);
  let left = part * all;
  if (!all) return null;
  for (let i = 0; i < counts.length; i++) {
    const low = i ? limits[i - 1] : 0, high = limits[i] === null ? low : limits[i];
    if (left <= counts[i]) return low + (high - low) * (counts[i] ? left / counts[i] : 0);
    left -= counts[i];
  }
  return limits[limits.length - 2];
}

function drawCommands(s, past) {
  const limits = s.stats.latency_limits_ns, rows = [];
  const seconds = (s.stats.uptime_ms - (past ? past.stats.uptime_ms : 0)) / 1000;
  for (const [name, c] of Object.entries(s.stats.commands)) {
    const p = past && past.stats.commands[name], n = c.requests - (p ? p.requests : 0);
    const counts = c.latency.map((count, i) => count - (p ? p.latency[i] : 0));
    if (c.requests)
      rows.push([n, c.requests, row(name, number(rounded(n / Math.max(seconds, 0.001))), number(whole(c.errors - (p ? p.errors : 0))),
        ...[0.5, 0.95, 0.99].map(q => number(duration(quantile(counts, limits, q)))), number(whole(c.requests)))]);
  }
  rows.sort((a, b) => b[0] - a[0] || b[1] - a[1]);
  text("commands-span", past ? `of the last ${whole(seconds)} s` : "since the start");
  fill("commands", rows.map(r => r[2]), 7, "none yet");
}

function drawShares(s) {
  const all = s.shares.slice().sort((a, b) => b.bytes_sent + b.bytes_received - a.bytes_sent - a.bytes_received ||
    a.share.localeCompare(b.share));
  fill("shares", all.slice(0, SHARES_SHOWN).map(x => row(x.share, make("td", x.encrypt_data ? "yes" : "as the client does"),
    number(whole(x.trees)), number(whole(x.requests)), number(whole(x.errors)), number(bytes(x.bytes_sent)),
    number(bytes(x.bytes_received)))), 7, "there are no shares");
  text("shares-note", all.length > SHARES_SHOWN ? `The ${SHARES_SHOWN} busiest of ${whole(all.length)}.` : "");
}

/* ---- all of it ---- */

let first = null, seen = [];

function draw(s) {
  const rates = ratesOf(s.history), last = rates[rates.length - 1];
  if (!first || s.stats.uptime_ms < seen[seen.length - 1].stats.uptime_ms) { /* another server: begin anew */
    first = s;
    seen = [];
  }
  while (seen.length && s.stats.uptime_ms - seen[0].stats.uptime_ms > WINDOW_MS) seen.shift();
  document.title = s.server.name + " – tsmb";
  text("name", s.server.name);
  text("about", `${s.server.comment ? s.server.comment + " – " : ""}tsmb ${s.stats.version}, running ${uptime(s.stats.uptime_ms)}, ` +
    plural(s.stats.workers, "worker", "workers"));
  drawPosture(s);
  drawClients(s, last || { requests: 0 });
  drawThroughput(rates);
  drawTraffic(s);
  drawResources(s);
  drawProtection(s);
  drawRefusals(s);
  drawCommands(s, seen.length && s.stats.uptime_ms - seen[0].stats.uptime_ms >= WINDOW_LEAST_MS ? seen[0] : null);
  drawShares(s);
  seen.push(s);
  $("main").hidden = false;
}

function drawAge(answered, at) {
  $("live").className = answered ? "" : "stale";
  text("live", answered ? `live, ${at.toLocaleTimeString()}` : `no answer; what is shown is of ${at.toLocaleTimeString()}`);
}

let shownAt = new Date();

async function poll() {
  let answered = false;
  try {
    const answer = await fetch("status.json", { cache: "no-store", signal: AbortSignal.timeout(5 * POLL_MS) });
    if (answer.ok) {
      draw(await answer.json());
      answered = true;
      shownAt = new Date();
    }
  } catch (e) { /* shown as no answer; the next one may come */ }
  drawAge(answered, shownAt);
  setTimeout(next, POLL_MS);
}

function next() {
  if (!document.hidden) return poll();
  document.addEventListener("visibilitychange", next, { once: true });
}

draw(JSON.parse($("state").textContent));
drawAge(true, shownAt);
setTimeout(next, POLL_MS);
