// What calls one in each conversation, and by which words: as the account has chosen, which the server keeps.

import { mentions } from "./mentions.js";

let rooms = new Map(); // levels, by names
let talks = new Map(); // and those of direct conversations, by ids
export let words = [];
let known = ""; // whom `matcher` finds
let matcher;

// What is usual for a conversation is chosen by this name.
export const usual = ({ direct }) => (direct ? "all" : "mentions");

// "all", "mentions" or "none".
export const levelOf = room => (room.direct ? talks.get(room.id) : rooms.get(room.name)) ?? usual(room);

// A frame of the server's. Returns whether the words are others now.
export function take(frame) {
	const before = words.join();
	rooms = new Map(Object.entries(frame.rooms ?? {}));
	talks = new Map(Object.entries(frame.conversations ?? {}));
	words = frame.words ?? [];
	known = "";
	matcher = null;
	return words.join() !== before;
}

// For who has no account, and until the page is closed.
export function choose({ direct, id, name }, level) {
	if (direct) talks.set(id, level);
	else rooms.set(name, level);
}

// Finds one's `names`, and one's words: see `mentions`.
export function callerOf(...names) {
	const wanted = [...new Set([...names, ...words])].filter(Boolean);
	if (wanted.join("\n") !== known) {
		known = wanted.join("\n");
		matcher = all(wanted.map(mentions));
	}
	return matcher;
}

function all(each) {
	function find(text) {
		let end = 0; // of what is marked already
		const isFree = ({ from, to }) => from >= end && (end = to);
		const found = each.flatMap(one => one.find(text));
		return found.sort((a, b) => a.from - b.from || b.to - a.to).filter(isFree);
	}
	return { find, test: text => each.some(one => one.test(text)) };
}
