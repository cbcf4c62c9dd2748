// The page as a whole: what the parts ask of each other, and when it is drawn.

import * as account from "./account.js";
import * as acts from "./acts.js";
import * as alerts from "./alerts.js";
import { enter } from "./commands.js";
import * as composer from "./composer.js";
import * as talks from "./conversations.js";
import * as appearance from "./appearance.js";
import "./copying.js";
import { $, ask } from "./dom.js";
import * as drafts from "./drafts.js";
import * as drawing from "./drawing.js";
import * as entry from "./entry.js";
import * as fresh from "./fresh.js";
import { told } from "./handlers.js";
import * as keys from "./keys.js";
import * as log from "./log.js";
import { catchUp } from "./pages.js";
import { selfMenu } from "./menus.js";
import * as panes from "./panes.js";
import * as place from "./place.js";
import { see } from "./reading.js";
import * as search from "./search.js";
import * as sender from "./sender.js";
import * as session from "./session.js";
import { chat, ui } from "./state.js";
import * as status from "./status.js";
import * as switcher from "./switcher.js";
import * as upload from "./upload.js";

Object.assign(ui, {
	// What has happened, for the parts that show it.
	changed: drawing.changed,
	told: (frame, how) =>
		drawing.patiently(() => {
			told(frame, how);
			drawing.changed();
		}),
	open,
	remember,
	reworded,
	heard: (item, room) => heard.push(spoken(item, room)),
	alert: (room, item) => {
		title();
		alerts.alert(room, item);
	},
	moved: drafts.move,
	listed: entry.toLinked,
	learned: composer.changed,
	pinned: search.pinned,
	pins: search.pins,
	// What they know.
	isUnsaid: room => sender.unsaid(room) > 0 || !!drafts.kept(room.key).text,
	seen: room => (room === chat.active && document.hasFocus() ? log.seen() : 0),
	strokes: composer.strokesSoFar,
	// What they do.
	catchUp,
	pump: sender.pump,
	visit: enter,
	mayGo: entry.mayGo,
	leave: entry.leave,
	out: entry.out,
	forget: entry.forget,
	wipe
});

const MOST_HEARD = 5;
const heard = []; // to be read out

function render() {
	if (heard[0]) readOut(heard.splice(0));
	if (!chat.active) return;
	see(chat.active);
	panes.render();
	const giveBack = acts.hold();
	log.render();
	giveBack();
	fresh.render();
	drafts.render();
	status.render();
	upload.render();
	title();
}

// Several that come at once are read out one after the other; of very many, nobody could follow but the last.
function readOut(texts) {
	const left = texts.length - MOST_HEARD;
	const told = left > 0 ? [`${left} more messages`, ...texts.slice(-MOST_HEARD)] : texts;
	$("heard").textContent = told.join("\n");
}

function spoken({ sender, text }, room) {
	const where = room === chat.active ? "" : room.direct ? " to you alone" : ` in ${room.name}`;
	return sender ? `${sender}${where}: ${text}` : text;
}

function title() {
	const mentions = talks.all().reduce((sum, room) => sum + room.calls, 0);
	const where = `${mentions ? `(${mentions}) ` : ""}${chat.active.name}`;
	const title = [where, entry.TITLE].filter(Boolean).join(" · ");
	if (document.title !== title) document.title = title;
}

// `instead`: see place.js.
function open(instead) {
	if (!entry.isIn()) return;
	$("rooms").hidePopover();
	$("members").hidePopover();
	panes.render();
	log.open();
	composer.open();
	place.remember(!instead);
	chat.changed();
}

// Who and where one is, after a change of it.
function remember() {
	if (!entry.isIn() || !chat.active) return;
	place.remember();
	drafts.follow();
}

// A message says something else now, or nothing (null): what it said is nowhere.
function reworded(room, item, text) {
	drafts.reworded(room, item, text);
	search.reworded(room, item, text);
	alerts.reworded(item);
	if (text !== null) return;
	heard.length = 0;
	$("heard").replaceChildren();
}

// Nothing of who was here stays.
function wipe() {
	for (const part of [
		sender,
		drafts,
		search,
		session,
		composer,
		account,
		acts,
		alerts,
		status,
		panes,
		log,
		upload,
		switcher
	])
		part.forget();
	heard.length = 0;
	for (const id of ["heard", "menu", "hint"]) $(id).replaceChildren();
	/(?:)/.test(""); // a browser keeps the text of the latest match, in RegExp.input
}

onbeforeunload = event => {
	if (sender.waiting()[0] || upload.areUnderWay()) event.preventDefault();
};

onfocus = chat.changed;
onblur = () => {
	if (chat.active?.unread === 0) chat.active.mark = null;
};

// Keys that mean the same wherever one is.
onkeydown = event => {
	const { key, altKey, ctrlKey, metaKey, shiftKey, target } = event;
	if (!chat.active || $("chat").hidden || document.querySelector("dialog[open]")) return;
	const step = { ArrowDown: 1, ArrowUp: -1 }[key];
	const letter = key.toUpperCase();
	if (altKey && step) walk(step, shiftKey);
	else if (ctrlKey && shiftKey && letter === "F") search.toggle(true);
	else if ((ctrlKey || metaKey) && !shiftKey && !altKey && letter === "K") switcher.open();
	else if (key === "?" && !ctrlKey && !metaKey && mayTell(target)) keys.show($("text") === target && target);
	else if (!(shiftKey && key === "PageUp" && fresh.go())) return;
	event.preventDefault();
};

// Elsewhere, and on phones, a question mark is one at once.
const mayTell = ({ id, value }) =>
	(id === "text" ? !value : !document.activeElement.matches("input, select")) && matchMedia("(hover: hover)").matches;

// To the next conversation in the list; `unread`: in which something is unread that is not muted.
function walk(step, unread) {
	const all = talks.listed().filter(room => room === chat.active || !unread || (room.unread && !room.isMuted));
	chat.show(all.at((all.indexOf(chat.active) + step) % all.length));
}

$("self").onclick = () =>
	selfMenu(
		$("self"),
		["Appearance …", () => appearance.choose(ask)],
		["Keys …", () => keys.show()],
		...alerts.switches()
	);

drawing.start(render);
session.start();
entry.comeBack();
