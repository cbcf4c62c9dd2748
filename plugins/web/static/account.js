// The dialogs that ask for passwords, and the pane with one's devices.

import { chat } from "./state.js";
import * as requests from "./requests.js";
import * as session from "./session.js";
import { run } from "./commands.js";
import { $, avatar, button, el, icon } from "./dom.js";

// --- passwords ---

// Their fields, by what the commands call them.
const NEW = ["New password", { type: "password", autocomplete: "new-password" }];
const OLD = ["Password", { type: "password", autocomplete: "current-password" }];
const KEEP = ["keep", "Keep me logged in on this device", { type: "checkbox", required: null }];
const ASKED = new Map([
	["register", ["Keep this name for me", ["password", ...NEW], KEEP]],
	["unregister", ["Give this name up", ["password", ...OLD]]],
	["login", ["Log in", ["name", "Name"], ["password", ...OLD], KEEP]],
	["passwd", ["Change the password", ["old", ...OLD], ["new", ...NEW]]]
]);

// An entry of a menu, if the server has that command.
export function credentials(command) {
	const [label, ...fields] = ASKED.get(command) ?? [];
	const who = ["", "", { value: chat.name, autocomplete: "username", hidden: "" }]; // for password managers
	return label && run(command, {}, label, who, ...fields);
}

// --- the pane ---

const box = $("account");
const problem = $("account-problem");
const list = $("devices");

// What it is, where it has no name, and how it looks.
const KINDS = new Map([
	["web", ["Web page", "M3 4h14v10H3zM7 17h6"]],
	["json", ["Program", "M3 4h14v12H3zM6 8l2 2-2 2M10 12h4"]],
	["plain", ["Terminal", "M3 4h14v12H3zM6 8l2 2-2 2M10 12h4"]],
	["", ["Device", "M10 3a7 7 0 1 0 0 14 7 7 0 0 0 0-14M10 6v4l3 2"]]
]);

export function open() {
	problem.textContent = "";
	list.replaceChildren();
	$("account-who").replaceChildren(
		avatar(chat.name),
		el("span", el("h2", { id: "account-name" }, chat.name), el("small", `Logged in as ${chat.account}`))
	);
	$("change-password").hidden = !chat.known("passwd");
	box.showModal();
	refresh();
}

// Nothing of who was here stays.
export function forget() {
	box.close();
	for (const node of [problem, list, $("account-who")]) node.replaceChildren();
}

async function refresh() {
	const sessions = await requests.answer("sessions");
	if (!box.open) return;
	if (!sessions) problem.textContent = "The list of your devices cannot be had at the moment.";
	else list.replaceChildren(...sessions.sort((a, b) => !!b.this - !!a.this).map(row));
}

function row(login) {
	const { id, kind, address, device, connected, this: isThis } = login;
	const [what, path] = KINDS.get(connected === false ? "" : kind) ?? KINDS.get("json");
	const name = device || what;
	const end = async () => {
		problem.textContent = "";
		const end = requests.order(null, "sessions", { act: "end", number: id }, []);
		await end.catch(({ text }) => (problem.textContent = text));
		await refresh();
		box.querySelector("button").focus();
	};
	const mark = isThis ? el("span.badge", "this one") : button(end, "End");
	if (!isThis) mark.ariaLabel = `End ${name}`;
	return el(
		connected === false ? "li.away" : "li",
		icon(path),
		el("span", el("bdi", name), el("small", [hostOf(address), ...used(login)].filter(Boolean).join(" · "))),
		mark
	);
}

// Without the port, which tells nobody anything: 127.0.0.1:4711, [2001:db8::1]:4711.
const hostOf = address => /^\[?(.+?)\]?:\d+$/.exec(address)?.[1] ?? address;

const CLOCK = { timeStyle: "short" };
const DAY = { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" };

function used({ since, idle_seconds: idle = 0, connected = true, this: here }) {
	const at = new Date(since);
	const isToday = at.toDateString() === new Date().toDateString();
	const begun = since && `since ${at.toLocaleString([], isToday ? CLOCK : DAY)}`;
	if (!connected) return ["not connected", idle >= 60 && `last used ${span(idle)} ago`];
	return [begun, !here && idle >= 60 && `idle ${span(idle)}`];
}

// In the largest unit that fits.
function span(seconds) {
	const [unit, size] = [
		["day", 86400],
		["hour", 3600],
		["minute", 60]
	].find(([, size]) => seconds >= size);
	return new Intl.NumberFormat([], { style: "unit", unit, unitDisplay: "short" }).format(Math.floor(seconds / size));
}

$("close-account").onclick = () => box.close();
$("change-password").onclick = () => {
	box.close();
	credentials("passwd")[1]();
};
$("log-out").onclick = () => {
	box.close();
	session.logout();
};
