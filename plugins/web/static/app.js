// The page: the way in, what is told to who looks elsewhere, drawers and keys.

import * as chat from "./chat.js";
import * as composer from "./composer.js";
import { $, ask, el, plural, kept } from "./dom.js";
import * as log from "./log.js";
import * as panes from "./panes.js";
import * as search from "./search.js";
import { waiting } from "./sender.js";
import * as wire from "./wire.js";

const form = $("join");
const welcome = $("welcome");
const settings = kept("settings");
let frame = 0;
let sound;

const changed = () => (frame ||= requestAnimationFrame(render));

chat.start({
	changed,
	open,
	alert,
	out: refused,
	looking: (room) => room === chat.active && room.following && document.hasFocus(),
	heard: ({ sender, text }) => $("heard").replaceChildren(sender ? `${sender}: ` : "", text),
});

function render() {
	frame = 0;
	if (!chat.active) return;
	chat.see(chat.active);
	panes.render();
	log.render();
	status();
	title();
}

function title() {
	const mine = chat.all().reduce((sum, { mentions }) => sum + mentions.size, 0);
	document.title = `${mine ? `(${mine}) ` : ""}${chat.active.name} · greenchat`;
}

function open() {
	if (!welcome.hidden) return;
	drawer("");
	panes.render();
	log.open();
	composer.open();
	const rooms = chat.all().filter((room) => !room.direct).map(({ name }) => name);
	kept("rooms", { rooms, active: chat.active.name }, "sessionStorage");
	changed();
}

const link = new URLSearchParams(location.search);
const saved = kept("me");
for (const field of ["name", "room"]) form[field].value = link.get(field) ?? saved[field] ?? "";

form.onsubmit = async (event) => {
	event.preventDefault();
	$("problem").textContent = "";
	try {
		await chat.join(Object.fromEntries(new FormData(form)));
		kept("me", { name: chat.name, room: chat.active.name });
		form.login.value = form.password.value = form.key.value = "";
		welcome.hidden = true;
		$("chat").hidden = false;
		open();
	} catch (error) {
		refused(error);
	}
};

function refused({ code = "", text = "" }) {
	const what = { room_key: "key", name_reserved: "login", login_failed: "login" }[code] ?? /room|password|$/.exec(code)[0];
	const field = form[what || "name"];
	field.parentNode.hidden = welcome.hidden = false;
	$("chat").hidden = true;
	kept("rooms", {}, "sessionStorage");
	const reserved = "This name belongs to somebody. If it is yours, type its password.";
	$("problem").textContent = code === "name_reserved" ? reserved : text;
	field.select();
}

function status() {
	const { state, trouble, active } = chat;
	const lost = state === "lost";
	const seconds = Math.ceil((wire.retryAt - Date.now()) / 1000);
	const again = seconds > 0 ? `Next try in ${seconds} s.` : "Trying again …";
	const [text, button] = $("status").children;
	text.textContent = lost ? `${trouble || "The connection is lost."} ${again}` : active.gone;
	button.hidden = !text.textContent;
	button.textContent = lost ? "Try now" : "Come back";
	button.onclick = () => (lost ? wire.open() : composer.enter(active.name));
	const [lines, wait] = waiting();
	$("waiting").textContent = lines ? `${plural(lines, "line")} waiting${lost ? "" : `: ${wait} s`}` : "";
	if (lost || lines) setTimeout(changed, 500);
}

window.onbeforeunload = (event) => {
	if (waiting()[0]) event.preventDefault();
};

function alert(room, { sender, text }) {
	if (document.hasFocus()) return;
	title();
	if (settings.sound) beep();
	if (!settings.notify) return;
	try {
		const note = new Notification(room.name, { body: sender ? `${sender}: ${text}` : text, tag: room.key });
		note.onclick = () => (window.focus(), chat.show(room));
	} catch {} // on Android, only a service worker may
}

function beep() {
	sound ??= new AudioContext();
	const tone = sound.createOscillator();
	const volume = sound.createGain();
	volume.gain.value = 0.1;
	tone.connect(volume).connect(sound.destination);
	tone.start();
	tone.stop(0.15);
}

async function set(name, value) {
	if (name === "notify" && value) value = (await Notification.requestPermission()) === "granted";
	kept("settings", Object.assign(settings, { [name]: value }));
}

window.onfocus = changed;
window.onblur = () => chat.active?.unread === 0 && (chat.active.mark = null);

const { dataset } = document.body;

function drawer(name) {
	const was = dataset.drawer;
	dataset.drawer = name;
	for (const pane of ["rooms", "members"]) $(`open-${pane}`).ariaExpanded = name === pane;
	if (name) $(name).querySelector("button").focus();
	else if (was) $(`open-${was}`).focus();
}

for (const pane of ["rooms", "members"]) $(`open-${pane}`).onclick = () => drawer(dataset.drawer === pane ? "" : pane);
$("log").onclick = () => drawer("");
$("open-search").onclick = () => search.toggle();
$("more").onclick = () => panes.roomMenu($("more"));
$("self").onclick = () => {
	const toggle = (name, label) => [`${label}: ${settings[name] ? "on" : "off"}`, () => set(name, !settings[name])];
	panes.selfMenu($("self"), "Notification" in window && toggle("notify", "Notifications"), toggle("sound", "Sound"));
};
$("add-room").onclick = async () => {
	const { lines = [] } = await chat.answer("/rooms", "rooms");
	const given = await ask("Join a room", [["room", "Room"]], "Join", el("pre", lines.join("\n")));
	if (given) composer.enter(given.room);
};
onkeydown = ({ key, altKey }) => {
	const step = { ArrowDown: 1, ArrowUp: -1 }[key];
	const all = chat.all();
	if (key === "Escape") drawer("");
	if (altKey && step) chat.show(all.at((all.indexOf(chat.active) + step) % all.length));
};

// After a reload, one is where one was.
const { rooms, active } = kept("rooms", null, "sessionStorage");
if (rooms && saved.name && !link.has("name")) {
	form.room.value = link.get("room") ?? active;
	for (const room of rooms) chat.expect(room);
	form.requestSubmit();
}
