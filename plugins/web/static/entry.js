// The way in, by the form or by what a reload has left, and the way out.

import { enter } from "./commands.js";
import * as talks from "./conversations.js";
import { $, ask, plural } from "./dom.js";
import * as place from "./place.js";
import * as search from "./search.js";
import * as sender from "./sender.js";
import * as session from "./session.js";
import { chat, ui } from "./state.js";
import { kept } from "./storage.js";
import * as tokens from "./tokens.js";

// The field that is wrong, and why, by the server's code.
const REFUSED = new Map([
	["name_reserved", ["login", "This name belongs to somebody. If it is yours, type its password."]],
	["login_failed", ["login"]],
	["token_invalid", ["login", "You are not logged in on this device any more. Type your password."]],
	["room_key", ["key", "This room has a key. Whoever invited you knows it."]],
	["password_required", ["phrase", "This chat has a pass phrase. Whoever invited you knows it."]],
	["password_wrong", ["phrase"]]
]);

export const TITLE = document.title;
const form = $("join");
const welcome = $("welcome");
const submit = form.querySelector("button");
const link = place.link();
const saved = place.here();

export const isIn = () => welcome.hidden;

form.onsubmit = event => {
	event.preventDefault();
	join(Object.fromEntries(new FormData(form)));
};

async function join(given) {
	$("problem").textContent = "";
	submit.disabled = true; // a second Enter would come in twice
	try {
		await session.join(given);
		kept("me", { name: chat.name, room: chat.active.name });
		for (const field of ["login", "key", "phrase"]) form[field].value = "";
		form.keep.checked = false;
		welcome.hidden = true;
		$("chat").hidden = false;
		ui.open(true);
		toLinked();
	} catch (error) {
		await out(error);
	}
	coming("");
}

// The message that a link leads to, once one is in, and its conversation is known.
export function toLinked() {
	const place = !saved.name && isIn() && search.placeIn(link);
	if (!place) return;
	link.delete("message");
	search.go(...place);
}

// After a reload, or staying logged in, one is not asked who one is.
export async function comeBack() {
	coming(saved.name ?? "");
	const { name: before, account } = await tokens.claim();
	coming("");
	const { account: staying } = tokens.device();
	const named = link.get("name");
	const isGuest = !account && !named && saved.rooms?.length;
	const name = named ?? before ?? (isGuest ? saved.name : (staying ?? saved.name));
	form.name.value = name ?? kept("me").name ?? "";
	form.room.value = saved.room ?? link.get("room") ?? kept("me").room ?? "";
	form.name.select();
	if (isGuest) for (const room of saved.rooms) talks.roomCalled(room);
	if (name && tokens.proofs(name, account)[0]) {
		const wanted = saved.name ? saved.room : link.get("room");
		coming(name);
		await join({ name, account: account ?? (before ? "" : staying), room: null, show: wanted });
		if (isIn() && wanted && !saved.name && !talks.roomTyped(wanted)) enter(wanted);
	} else if (isGuest) {
		form.requestSubmit();
	}
}

// Instead of the form.
function coming(name) {
	$("coming").textContent = name && `Coming back as ${name} …`;
	form.querySelector("fieldset").hidden = !!name;
	submit.disabled = false;
}

// Who is not in the chat any more, and why.
export async function out(error) {
	if (error.code !== "logged_out") return refused(error);
	if (error.here || tokens.stays()) tokens.forgetDevice(error.here);
	await goodbye(error.text);
}

function refused({ code = "", text = "" }) {
	const [what, why = text] = REFUSED.get(code) ?? [/room/.test(code) ? "room" : "name"];
	const field = form[what];
	coming("");
	field.parentNode.hidden = false;
	welcome.hidden = false;
	$("chat").hidden = true;
	for (const dialog of [$("ask"), $("account")]) dialog.close();
	document.title = TITLE;
	place.away();
	$("problem").textContent = why;
	field.select();
}

// --- the way out ---

export async function mayGo() {
	const [lines] = sender.waiting();
	return !lines || ask("Leave the chat?", [], "Leave", `${plural(lines, "line")} of yours would be lost.`);
}

export async function leave() {
	if (!(await mayGo())) return;
	const name = tokens.stays() && chat.account;
	session.quit();
	if (name) await goodbye(`You have left. This device stays logged in as ${name}: Join leads back.`, name);
	else await goodbye();
}

async function goodbye(text = "", name = "") {
	refused({});
	form.reset();
	form.key.parentNode.hidden = true;
	form.phrase.parentNode.hidden = true;
	kept("me", null);
	await forget();
	form.name.value = name;
	$("problem").textContent = text;
	form.name.focus();
}

export async function forget() {
	ui.wipe();
	tokens.forget();
	await place.forget();
}
