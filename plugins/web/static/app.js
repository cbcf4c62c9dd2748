import * as chat from "./chat.js";
import * as composer from "./composer.js";
import { $, kept, plural } from "./dom.js";
import * as log from "./log.js";
import * as panes from "./panes.js";
import "./search.js";
import { pump, resolve, waiting } from "./sender.js";
import * as wire from "./wire.js";

// The field that is wrong, and why, by the server's code.
const REFUSED = {
	name_reserved: ["login", "This name belongs to somebody. If it is yours, type its password."],
	login_failed: ["login"],
	room_key: ["key", "This room has a key. Whoever invited you knows it."],
	password_required: ["phrase", "This chat has a pass phrase. Whoever invited you knows it."],
	password_wrong: ["phrase"]
};
const form = $("join");
const welcome = $("welcome");
const settings = kept("settings");
let frame = 0;
let sound;

const spoken = ({ sender, text }) => (sender ? `${sender}: ${text}` : text);
const changed = () => (frame ||= requestAnimationFrame(render));

chat.start({
	changed,
	open,
	pump,
	resolve,
	alert,
	out: refused,
	looking: room => room === chat.active && room.following && document.hasFocus(),
	heard: item => ($("heard").textContent = spoken(item))
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
	$("rooms").hidePopover();
	$("members").hidePopover();
	panes.render();
	log.open();
	composer.open();
	const rooms = chat
		.all()
		.filter(room => !room.direct)
		.map(({ name }) => name);
	const { name, direct } = chat.active;
	// For a reload. To browsers it means that the password was right.
	history.replaceState({ name: chat.name, rooms }, "", direct ? null : `?room=${encodeURIComponent(name)}`);
	changed();
}

const link = new URLSearchParams(location.search);
const saved = { ...kept("me"), ...history.state };
for (const field of ["name", "room"]) form[field].value = link.get(field) ?? saved[field] ?? "";

form.onsubmit = async event => {
	event.preventDefault();
	$("problem").textContent = "";
	try {
		await chat.join(Object.fromEntries(new FormData(form)));
		kept("me", { name: chat.name, room: chat.active.name });
		for (const field of ["login", "key", "phrase"]) form[field].value = "";
		welcome.hidden = true;
		$("chat").hidden = false;
		open();
	} catch (error) {
		refused(error);
	}
};

function refused({ code = "", text = "" }) {
	const [what, why = text] = REFUSED[code] ?? [/room/.test(code) ? "room" : "name"];
	const field = form[what];
	field.parentNode.hidden = welcome.hidden = false;
	$("chat").hidden = true;
	history.replaceState(null, "");
	$("problem").textContent = why;
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

onbeforeunload = event => {
	if (waiting()[0]) event.preventDefault();
};

function alert(room, item) {
	if (document.hasFocus()) return;
	title();
	if (settings.sound) beep();
	if (!settings.notify) return;
	try {
		const note = new Notification(room.name, { body: spoken(item), tag: room.key });
		note.onclick = () => (focus(), chat.show(room));
	} catch {} // on Android, only a service worker may
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
	kept("settings", Object.assign(settings, { [name]: value }));
}

onfocus = changed;
onblur = () => chat.active?.unread === 0 && (chat.active.mark = null);

$("self").onclick = () => {
	const toggle = (name, label) => [`${label}: ${settings[name] ? "on" : "off"}`, () => set(name, !settings[name])];
	panes.selfMenu($("self"), "Notification" in window && toggle("notify", "Notifications"), toggle("sound", "Sound"));
};
onkeydown = ({ key, altKey }) => {
	const step = { ArrowDown: 1, ArrowUp: -1 }[key];
	const all = chat.all();
	if (altKey && step) chat.show(all.at((all.indexOf(chat.active) + step) % all.length));
};

// After a reload, one is where one was.
if (saved.rooms && !link.has("name")) {
	for (const room of saved.rooms) chat.expect(room);
	form.requestSubmit();
}
