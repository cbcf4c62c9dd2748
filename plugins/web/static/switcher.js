// Where one can go, by a few letters: conversations, people, and rooms that are not open yet.

import { enter } from "./commands.js";
import * as talks from "./conversations.js";
import { $, avatar, el, named, plural } from "./dom.js";
import * as requests from "./requests.js";
import { chat } from "./state.js";
import { charBefore, fold, isWord } from "./text.js";

const MOST = 50; // that are shown

const box = $("switcher");
const [input, list] = box.children;
let places = []; // {name, note, sign, run, unread, calls}, in the order in which they are offered
let shown = [];
let chosen = 0;

export async function open() {
	places = [...conversations(), ...people()];
	input.value = "";
	offer();
	box.showModal();
	const mine = places;
	const rooms = (await requests.answer("rooms")) ?? [];
	if (!box.open || mine !== places) return;
	places.push(...rooms.filter(({ name }) => !talks.rooms.has(name)).map(toRoom));
	offer(shown[chosen]);
}

// What calls one, and what is unread, comes first; what is shown already, last.
function conversations() {
	const rank = room => (room === chat.active ? 3 : room.calls ? 0 : room.unread && !room.isMuted ? 1 : 2);
	const all = talks.listed().sort((a, b) => rank(a) - rank(b));
	return all.map(room => {
		const { name, direct, gone, unread, isMuted } = room;
		const note = room === chat.active ? "you are here" : gone ? "gone" : unread && !isMuted ? `${unread} unread` : "";
		return { name, note, direct, run: () => chat.show(room), isFirst: rank(room) < 2 };
	});
}

function people() {
	const known = new Set(talks.all().flatMap(({ direct, name, gone }) => (direct && !gone ? [fold(name)] : [])));
	const found = new Map([...talks.rooms.values()].flatMap(({ members }) => [...members]));
	const others = [...found.values()].filter(({ name }) => !chat.isMe(name) && !known.has(fold(name)));
	return others.map(({ name }) => ({
		name,
		note: "write to",
		direct: true,
		run: () => chat.show(talks.directTo(name))
	}));
}

const toRoom = ({ name, members, topic }) => ({
	name,
	note: `join · ${plural(members, "member")}${topic ? ` · ${topic}` : ""}`,
	run: () => enter(name)
});

// How well the letters `typed` fit: the less, the better. Undefined: they are not all there, in their order.
function fit(name, typed) {
	const at = name.indexOf(typed);
	if (at === 0) return 0;
	if (at > 0) return isWord(charBefore(name, at)) ? 2 : 1;
	let from = 0;
	for (const letter of typed) {
		from = name.indexOf(letter, from) + 1;
		if (!from) return undefined;
	}
	return 3;
}

// `stays`: what was chosen, and is so still.
function offer(stays) {
	const text = input.value.trim().replace(/^[#@]/, "");
	const typed = fold(text);
	for (const place of places) place.fit = fit(fold(place.name), typed);
	const fitting = places.filter(({ fit }) => fit !== undefined);
	shown = fitting.sort((a, b) => a.fit - b.fit || !!b.isFirst - !!a.isFirst);
	if (text && !shown.some(({ name, direct }) => !direct && fold(name) === typed))
		shown.push({ name: text, note: "join or begin this room", run: () => enter(text) });
	shown.splice(MOST);
	chosen = Math.max(0, shown.indexOf(stays));
	const row = ({ name, note, direct, isFirst }, i) => {
		const attributes = {
			"id": `place-${i}`,
			"role": "option",
			"aria-selected": i === chosen,
			"onclick": () => go(i)
		};
		return el(isFirst ? "li.unread" : "li", attributes, direct ? avatar(name) : el("i", "#"), named(name, note));
	};
	list.replaceChildren(...shown.map(row));
	choose(chosen);
}

function choose(which) {
	list.children[chosen]?.setAttribute("aria-selected", false);
	chosen = (which + shown.length) % shown.length;
	const row = list.children[chosen];
	row?.setAttribute("aria-selected", true);
	row?.scrollIntoView({ block: "nearest" });
	input.setAttribute("aria-activedescendant", row?.id ?? "");
}

function go(which) {
	box.close();
	$("rooms").hidePopover();
	shown[which]?.run();
}

input.oninput = () => offer();
box.onkeydown = event => {
	const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
	if (event.isComposing || event.keyCode === 229) return;
	if (step && shown[0]) choose(chosen + step);
	else if (event.key === "Enter") go(chosen);
	else return;
	event.preventDefault();
};
box.onclick = ({ target }) => target === box && box.close(); // beside it
box.onclose = () => forget();

// Nothing of who was here stays.
export function forget() {
	box.close();
	places = [];
	shown = [];
	input.value = "";
	list.replaceChildren();
}

$("open-switcher").onclick = open;
