// What comes into a conversation: live, by pages, or after an absence.

import { apply, renew } from "./changes.js";
import { isCall, isForMe, isRead, isUnread, see } from "./reading.js";
import { chat, ui } from "./state.js";

const KEPT = 500; // items of a room. The server has the others
const SPARE = 300; // of them that go at once: where very much is said, fewer are in the document

export function itemOf({ type: kind, own, edited, reactions, ...event }) {
	const item = { ...event, kind, time: Date.parse(event.time) };
	if (own) Object.assign(item, { mine: true, state: "stored" });
	if (kind === "message") item.reactions = new Map(Object.entries(reactions ?? {}));
	if (edited) item.edited = Date.parse(edited);
	const { time, name } = item;
	return item.seq ? item : { kind: "presence", time, once: `${kind} ${name} ${time}`, folded: [item] };
}

// `live`: its number. `end`: where the reader is.
export function add(room, events, live = 0, end = room.following) {
	room.latest = Math.max(room.latest, live);
	const items = events.map(itemOf);
	for (const item of items) renew(room, item);
	const added = live && room.past ? items : room.add(...items);
	for (const event of room.recent) apply(room, event);
	for (const item of added) {
		if (!isUnread(room, item)) continue;
		item.isForMe = isForMe(item);
		if (live) {
			room.unread++;
			room.mentions += item.isForMe;
		}
		const calls = isCall(room, item);
		if (live && (calls || room === chat.active)) ui.heard(item, room);
		if (calls && (live || room.checking)) ui.alert(room, item);
	}
	const surplus = room.items.length - KEPT;
	if (surplus > 0 && room.more !== null) {
		room.keep(end ? surplus + SPARE : 0, end ? Infinity : KEPT);
		room[end ? "more" : "past"] = true;
	}
	if (live && events[0].own) isRead(room, live, live); // by who has said it, on another device
	see(room);
	chat.changed();
}
