import * as account from "./account.js";
import * as acts from "./acts.js";
import { catchUp, see } from "./history.js";
import * as chat from "./chat.js";
import * as composer from "./composer.js";
import { $, ask, kept, plural } from "./dom.js";
import * as drafts from "./drafts.js";
import * as log from "./log.js";
import * as panes from "./panes.js";
import * as place from "./place.js";
import * as search from "./search.js";
import * as sender from "./sender.js";
import { told } from "./told.js";
import * as tokens from "./tokens.js";
import * as wire from "./wire.js";

// The field that is wrong, and why, by the server's code.
const REFUSED = new Map([
	["name_reserved", ["login", "This name belongs to somebody. If it is yours, type its password."]],
	["login_failed", ["login"]],
	["token_invalid", ["login", "You are not logged in on this device any more. Type your password."]],
	["room_key", ["key", "This room has a key. Whoever invited you knows it."]],
	["password_required", ["phrase", "This chat has a pass phrase. Whoever invited you knows it."]],
	["password_wrong", ["phrase"]]
]);
const TITLE = document.title;
const form = $("join");
const welcome = $("welcome");
const settings = () => new Map(Object.entries(kept("settings")));
const heard = [];
const notes = new Set();
let frame = 0;
let sound;

const changed = () => (frame ||= requestAnimationFrame(render));

chat.start({
	changed,
	told,
	open,
	alert,
	wipe,
	forget,
	leave,
	mayGo,
	catchUp,
	out,
	visit: composer.enter,
	pump: sender.pump,
	remember,
	listed: toLinked,
	learned: composer.changed,
	moved: drafts.move,
	reworded,
	isUnsaid: room => sender.unsaid(room) > 0 || !!drafts.kept(room.key).text,
	seen: room => (room === chat.active && document.hasFocus() ? log.seen() : 0),
	heard: (item, room) => heard.push(spoken(item, room))
});

function render() {
	frame = 0;
	// Several that come at once are read out one after the other.
	if (heard[0]) $("heard").textContent = heard.splice(0).join("\n");
	if (!chat.active) return;
	see(chat.active);
	panes.render();
	const back = acts.hold();
	log.render();
	back();
	drafts.render();
	status();
	title();
}

function spoken({ sender, text }, room) {
	const where = room === chat.active ? "" : room.direct ? " to you alone" : ` in ${room.name}`;
	return sender ? `${sender}${where}: ${text}` : text;
}

function title() {
	const mine = chat.all().reduce((sum, { mentions }) => sum + mentions, 0);
	document.title = [`${mine ? `(${mine}) ` : ""}${chat.active.name}`, TITLE].filter(Boolean).join(" · ");
}

// `instead`: see place.js.
function open(instead) {
	if (!welcome.hidden) return;
	$("rooms").hidePopover();
	$("members").hidePopover();
	panes.render();
	log.open();
	composer.open();
	place.remember(!instead);
	changed();
}

// Who and where one is, after a change of it.
function remember() {
	if (!welcome.hidden || !chat.active) return;
	place.remember();
	drafts.follow();
}

// --- the way in ---

const link = place.link();
const saved = place.here();
const enter = form.querySelector("button");

form.onsubmit = event => {
	event.preventDefault();
	join(Object.fromEntries(new FormData(form)));
};

async function join(given) {
	$("problem").textContent = "";
	enter.disabled = true; // a second Enter would come in twice
	try {
		await chat.join(given);
		kept("me", { name: chat.name, room: chat.active.name });
		for (const field of ["login", "key", "phrase"]) form[field].value = "";
		form.keep.checked = false;
		welcome.hidden = true;
		$("chat").hidden = false;
		open(true);
		toLinked();
	} catch (error) {
		await out(error);
	}
	coming("");
}

// The message that a link leads to, once one is in, and its conversation is known.
function toLinked() {
	const place = !saved.name && welcome.hidden && search.placeIn(link);
	if (!place) return;
	link.delete("message");
	search.go(...place);
}

// After a reload, or staying logged in, one is not asked who one is.
async function comeBack() {
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
	if (isGuest) for (const room of saved.rooms) chat.expect(room);
	if (name && tokens.proofs(name, account)[0]) {
		const wanted = saved.name ? saved.room : link.get("room");
		coming(name);
		await join({ name, account: account ?? (before ? "" : staying), room: null, show: wanted });
		if (welcome.hidden && wanted && !saved.name && !chat.roomTyped(wanted)) composer.enter(wanted);
	} else if (isGuest) form.requestSubmit();
}

// Instead of the form.
function coming(name) {
	$("coming").textContent = name && `Coming back as ${name} …`;
	form.querySelector("fieldset").hidden = !!name;
	enter.disabled = false;
}

// Who is not in the chat any more, and why.
async function out(error) {
	if (error.code !== "logged_out") return refused(error);
	if (error.here || tokens.stays()) tokens.forgetDevice(error.here);
	await goodbye(error.text);
}

function refused({ code = "", text = "" }) {
	const [what, why = text] = REFUSED.get(code) ?? [/room/.test(code) ? "room" : "name"];
	const field = form[what];
	coming("");
	field.parentNode.hidden = welcome.hidden = false;
	$("chat").hidden = true;
	for (const dialog of [$("ask"), $("account")]) dialog.close();
	document.title = TITLE;
	place.away();
	$("problem").textContent = why;
	field.select();
}

// --- the way out ---

async function mayGo() {
	const [lines] = sender.waiting();
	return !lines || ask("Leave the chat?", [], "Leave", `${plural(lines, "line")} of yours would be lost.`);
}

async function leave() {
	if (!(await mayGo())) return;
	const name = tokens.stays() && chat.account;
	chat.quit();
	if (name) await goodbye(`You have left. This device stays logged in as ${name}: Join leads back.`, name);
	else await goodbye();
}

async function goodbye(text = "", name = "") {
	refused({});
	form.reset();
	form.key.parentNode.hidden = form.phrase.parentNode.hidden = true;
	kept("me", null);
	await forget();
	form.name.value = name;
	$("problem").textContent = text;
	form.name.focus();
}

async function forget() {
	wipe();
	tokens.forget();
	await place.forget();
}

function wipe() {
	for (const part of [sender, drafts, search, chat, composer, account, acts]) part.forget();
	for (const note of notes) note.close();
	notes.clear();
	heard.length = 0;
	for (const id of "heard room-list direct-list messages edge title topic self menu waiting hint".split(" "))
		$(id).replaceChildren();
	for (const node of [...$("members").children, $("status").firstElementChild]) node.replaceChildren();
	$("topic").title = $("text").placeholder = $("text").ariaLabel = "";
	panes.elsewhere();
	/^/.test(""); // a browser keeps the text of the latest match, in RegExp.input
}

// --- what is told ---

function status() {
	const { state, trouble, active } = chat;
	const calm = wire.tries < 0;
	const lost = state === "lost" && !calm;
	const elsewhere = state === "elsewhere";
	const seconds = Math.ceil((wire.retryAt - Date.now()) / 1000);
	const again = seconds > 0 ? `Next try in ${seconds} s.` : "Trying again …";
	const [text, first, second] = $("status").children;
	if (elsewhere) text.textContent = "You go on in another tab or window. Here, nothing new comes.";
	else if (lost)
		text.textContent = `${navigator.onLine ? trouble.text || "The connection is lost." : "You are offline."} ${again}`;
	else if (wire.doubted) text.textContent = "Is the server still there? Asking …";
	else if (state === "apart" && active.name)
		text.textContent = `You are in no room: none has let you in again. ${active.gone}`;
	else text.textContent = active.gone;
	const gone = !lost && !elsewhere && !!active.gone;
	first.hidden = !lost && !elsewhere && !(gone && active.name);
	first.textContent = elsewhere ? "Go on here" : lost ? "Try now" : panes.again(active);
	first.onclick = () => (elsewhere ? chat.back() : lost ? wire.open() : panes.comeBack(active));
	second.hidden = !gone || active.direct;
	second.textContent = active.name ? "Join another room" : "Join a room";
	second.onclick = panes.joinAnother;
	const [lines, wait] = sender.waiting();
	$("waiting").textContent = lines && !calm ? `${plural(lines, "line")} waiting${lost ? "" : `: ${wait} s`}` : "";
	if (lost || lines) setTimeout(changed, 500);
}

onbeforeunload = event => {
	if (sender.waiting()[0]) event.preventDefault();
};

function alert(room, item) {
	if (document.hasFocus()) return;
	title();
	if (settings().get("sound")) beep();
	if (!settings().get("notify")) return;
	try {
		const note = new Notification(room.name, {
			body: item.sender ? `${item.sender}: ${item.text}` : item.text,
			tag: room.key
		});
		note.onclick = () => {
			focus();
			if (chat.all().includes(room)) chat.show(room);
		};
		note.about = item;
		note.onclose = () => notes.delete(note);
		notes.add(note);
	} catch {} // on Android, only a service worker may
}

// A message says something else now, or nothing (null): what it said is nowhere.
function reworded(room, item, text) {
	drafts.reworded(room, item, text);
	search.reworded(room, item, text);
	for (const note of notes) if (note.about === item) note.close();
	if (text === null) {
		heard.length = 0;
		$("heard").replaceChildren();
	}
}

function beep() {
	sound ??= new AudioContext();
	const tone = new OscillatorNode(sound);
	tone.connect(new GainNode(sound, { gain: 0.1 })).connect(sound.destination);
	tone.start();
	tone.stop(sound.currentTime + 0.15);
}

async function set(name, value) {
	const refused = name === "notify" && value && (await Notification.requestPermission()) !== "granted";
	if (refused) return chat.tell(chat.active, "The browser does not allow notifications here.", "error");
	kept("settings", Object.fromEntries(settings().set(name, value))); // what other tabs have set stays
}

onfocus = changed;
onblur = () => chat.active?.unread === 0 && (chat.active.mark = null);

$("self").onclick = () => {
	const toggle = (name, label) => {
		const on = settings().get(name);
		return [`${label}: ${on ? "on" : "off"}`, () => set(name, !on)];
	};
	panes.selfMenu($("self"), "Notification" in window && toggle("notify", "Notifications"), toggle("sound", "Sound"));
};

onkeydown = ({ key, altKey }) => {
	const step = { ArrowDown: 1, ArrowUp: -1 }[key];
	const all = chat.all();
	if (altKey && step && chat.active) chat.show(all.at((all.indexOf(chat.active) + step) % all.length));
};

comeBack();
