// What we say: in order, no faster than the server likes, and never lost.

import * as chat from "./chat.js";
import { linesOf } from "./typing.js";
import { bucket } from "./wire.js";

const queue = [];
let timer;

// A character has at most 4 bytes; 200 stand around.
export const lines = text => linesOf(text, Math.floor((chat.limits.frame_bytes || 1e5) / 4 - 50));

export function say(room, text) {
	const all = lines(text);
	for (const line of all) {
		const typed = line.trimStart();
		const slash = chat.slash && typed[0] === "/";
		// Of several lines none is a command: whoever pastes a page does not want to run it.
		const alone = slash && !all[1];
		const command = alone && typed[1] !== "/";
		const action = command && !room.direct && /^\/me\s+(.+)/i.exec(typed)?.[1];
		const text = alone ? typed.slice(1) : line; // "//x" says "/x"
		if (action) add(room, action, typed, true);
		else if (command) queue.push({ room, line: typed });
		else add(room, text, room.direct ? `/msg ${room.name} ${text}` : slash ? `/${text.trimStart()}` : text);
	}
	pump();
}

// Lines, and seconds.
export const waiting = () => [queue.length, Math.ceil(bucket.wait(queue.length) / 1000)];

export function pump() {
	clearTimeout(timer);
	let ms;
	while (queue[0] && chat.state === "in" && !(ms = bucket.wait(1))) {
		const { room, item, line } = queue.shift();
		if (item) send(room, item);
		else chat.command(room, line);
	}
	if (ms) timer = setTimeout(pump, ms);
	chat.changed();
}

// After a loss, what was on its way has arrived, or it has not.
export function resolve(room) {
	for (const item of room.items.filter(({ state }) => state === "unsure")) {
		const same = ({ mine, seq, text, sender }) =>
			!mine && seq > item.since && text === item.text && sender === item.sender;
		const arrived = room.items.find(same);
		item.state = "failed";
		if (!arrived) continue;
		Object.assign(arrived, { mine: true, state: "stored" });
		room.remove(item);
	}
	chat.changed();
}

export function add(room, text, wire, action) {
	const said = { kind: "message", sender: chat.name, text, action, time: Date.now() };
	const item = { ...said, wire, mine: true, pending: true, state: "queued" };
	room.add(item);
	queue.push({ room, item });
}

async function send(room, item) {
	Object.assign(item, { state: "sending", since: room.latest });
	try {
		const { seq = room.direct && room.latest + 1, id } = await chat.ask(room, item.wire);
		item.state = "stored";
		room.read = room.latest = Math.max(room.latest, seq);
		room.settle(item, seq, id);
	} catch ({ code, text }) {
		// What was said but not kept must not be said again.
		const state = { lost: room.direct ? "failed" : "unsure", not_stored: "unkept" }[code] ?? "failed";
		Object.assign(item, { state, why: text });
		if (state === "unkept") room.settle(item, 0);
	}
	chat.changed();
}
