// How one hears of what happens while one looks elsewhere: notifications and a sound, as one has chosen.

import * as talks from "./conversations.js";
import { chat } from "./state.js";
import { kept } from "./storage.js";

const LOUDNESS = 0.1;
const LENGTH = 0.15; // s

const settings = () => new Map(Object.entries(kept("settings")));
const notes = new Set(); // notifications that are shown
let sound;

export function alert(room, item) {
	if (document.hasFocus()) return;
	if (settings().get("sound")) beep();
	if (settings().get("notify")) notify(room, item);
	missed = item.sender ?? "somebody";
}

let missed = ""; // who has called while one looked elsewhere

// Only then one knows what notifications are good for; and a browser wants to be asked by a click of the reader's.
const mayAsk = () =>
	"Notification" in window && Notification.permission !== "denied" && !/Android/.test(navigator.userAgent);

// What is asked once, where it was never chosen: [text, [label, run], [label, run]].
export function question() {
	if (!missed || settings().has("notify") || !mayAsk()) return null;
	const text = `${missed} called you while you looked elsewhere. Be notified the next time?`;
	return [text, ["Notify me", () => set("notify", true)], ["No", () => set("notify", false)]];
}

function notify(room, item) {
	try {
		const note = new Notification(room.name, {
			body: item.sender ? `${item.sender}: ${item.text}` : item.text,
			tag: room.key
		});
		note.onclick = () => {
			focus();
			if (talks.all().includes(room)) chat.show(room);
		};
		note.about = item;
		note.onclose = () => notes.delete(note);
		notes.add(note);
	} catch {
		// on Android, only a service worker may
	}
}

function beep() {
	sound ??= new AudioContext();
	const tone = new OscillatorNode(sound);
	tone.connect(new GainNode(sound, { gain: LOUDNESS })).connect(sound.destination);
	tone.start();
	tone.stop(sound.currentTime + LENGTH);
}

// What the message said is nowhere any more.
export function reworded(item) {
	for (const note of notes) if (note.about === item) note.close();
}

// Nothing of who was here stays.
export function forget() {
	for (const note of notes) note.close();
	notes.clear();
	missed = "";
}

// --- settings ---

// Entries of a menu.
export const switches = () => ["Notification" in window && toggle("notify", "Notifications"), toggle("sound", "Sound")];

function toggle(name, label) {
	const isOn = settings().get(name);
	return [`${label}: ${isOn ? "on" : "off"}`, () => set(name, !isOn)];
}

async function set(name, value) {
	missed = ""; // not asked again, even where nothing can be kept
	const isRefused = name === "notify" && value && (await Notification.requestPermission()) !== "granted";
	if (isRefused) chat.tell(chat.active, "The browser does not allow notifications here.", "error");
	kept("settings", Object.fromEntries(settings().set(name, value && !isRefused))); // what other tabs have set stays
	chat.changed();
}
