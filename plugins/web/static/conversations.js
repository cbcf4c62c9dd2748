// What one may say something in: rooms by their names, direct conversations by their ids.

import { levelOf } from "./levels.js";
import { fold } from "./text.js";
import { Timeline } from "./timeline.js";

export const rooms = new Map(); // by the names that the server gives
const directs = new Set();
const { compare } = new Intl.Collator([], { numeric: true });

export const all = () => [...rooms.values(), ...directs];

// As they are listed: by their names, and last what calls nobody.
export function listed() {
	const isQuiet = room => !!room.gone || room.isMuted;
	const order = (a, b) => a.direct - b.direct || isQuiet(a) - isQuiet(b) || compare(a.name, b.name);
	return all().sort(order);
}

export const same = (one, other) => fold(one) === fold(other);

class Conversation extends Timeline {
	latest = 0; // the highest number,
	read = 0; // that was read, on whatever device,
	told = 0; // that the server knows of,
	mark = null; // and that the line "New messages" is behind
	unread = 0; // messages of others, behind `read`,
	mentions = 0; // and how many of them are for us
	more = true; // the server has older ones; null: it keeps none
	past = false; // and newer ones
	following = true; // the end
	gone = ""; // why nothing can be said here any more
	epoch = ""; // of the server's, in which `rev` tells up to where all is known that has happened here
	rev = 0;
	heard = 0; // the highest that was told, also while what was before it is still
	behind = false; // to come
	checking = false; // whether numbers mean what they did before a loss
	recent = []; // changes
	quotes = new Map(); // messages that are not among the items and were answered: null where they cannot be had
	quoting = false; // one of them is asked for

	get isMuted() {
		return levelOf(this) === "none";
	}

	// How much of what is unread calls one.
	get calls() {
		const level = levelOf(this);
		return level === "none" ? 0 : level === "all" ? this.unread : this.mentions;
	}

	member() {
		return {};
	}

	// Whether all behind the message `seq` is here.
	reaches(seq) {
		return !this.past && !this.checking && (!this.more || (this.first > 0 && this.first <= seq + 1));
	}

	find(seq) {
		return this.known.get(seq) ?? this.quotes.get(seq);
	}
}

class Room extends Conversation {
	direct = false;
	members = new Map(); // by folded name: {name, role, away}
	unnamed = 0; // members of a hall whose names are not known
	topic = "";
	pins = new Set(); // the numbers of messages that are pinned
	secret = ""; // its key, as it was typed

	constructor(name) {
		super();
		this.name = name;
		this.key = `room ${name}`;
	}

	// What a request that means this conversation bears.
	get address() {
		return this.name ? { room: this.name } : {};
	}

	member(name) {
		return this.members.get(fold(name)) ?? {};
	}

	// Somebody is no member any more, or not by this name.
	forget(name) {
		if (!this.members.delete(fold(name)) && this.unnamed) this.unnamed -= 1;
	}
}

const page = Math.random().toString(36); // what the browser keeps of an earlier one means nobody here
let serial = 0;

// What two people say to each other alone.
class Direct extends Conversation {
	direct = true;
	more = null;
	id = null;
	lasts = false; // the server has told of it: it is kept
	earlier = false; // somebody else is called so now
	sure = false; // the name is the person's: since then it has always been in one of our rooms
	key = `direct ${page} ${++serial}`;

	constructor(name) {
		super();
		this.name = name;
	}

	get address() {
		return this.id === null ? { to: this.name } : { conversation: this.id };
	}
}

// What is shown to who is in no room.
export const nowhere = () => Object.assign(new Room(""), { gone: "You look at no room. Choose one, or join one." });

export function roomCalled(name) {
	if (!rooms.has(name)) rooms.set(name, new Room(name));
	return rooms.get(name);
}

// The room that somebody means who types `name`, if we know it.
export const roomTyped = name => rooms.get(name) ?? rooms.get(fold(name.trim().replace(/^#+/, "")));

const isHere = name => [...rooms.values()].some(room => !room.gone && (room.unnamed || room.members.has(fold(name))));
const find = test => [...directs].find(test);

function begin(name) {
	const direct = new Direct(name);
	directs.add(direct);
	return direct;
}

// A conversation with who is called `name` now: one that we have, if it is sure to be with that person; or known to last,
// where nobody here has the name, nor was it `typed`.
export function directTo(name, typed) {
	const here = isHere(name);
	const fits = ({ gone, earlier, id, sure, lasts, name: other }) =>
		!gone && !earlier && (sure || id === null || (lasts && !here && !typed)) && same(other, name);
	const direct = find(fits) ?? begin(name);
	direct.sure ||= here;
	return direct;
}

export const directCalled = id => find(direct => direct.id === id);

// The conversation `id`, which is with `name` at this moment. `written` is where somebody wrote first, without an id.
export function directWith(id, name, written) {
	const begun = other => other.id === null && !other.gone && same(other.name, name);
	const direct = directCalled(id) ?? written ?? find(begun) ?? begin(name);
	for (const other of directs) if (other !== direct && !other.gone && same(other.name, name)) other.earlier = true;
	if (direct.id === null) direct.more = true;
	return Object.assign(direct, { id, name, earlier: false, sure: isHere(name) });
}

export function renameDirects(old, name) {
	for (const direct of directs) if (!direct.gone && direct.sure && same(direct.name, old)) direct.name = name;
}

// After somebody has gone, or we have.
export function doubtDirects() {
	for (const direct of directs) {
		if (!direct.sure || isHere(direct.name)) continue;
		direct.sure = false;
		if (direct.id === null) direct.gone = `${direct.name} is not here any more.`;
	}
}

// The server has told that the two are one.
export function merge(written, direct) {
	directs.delete(written);
	direct.add(...written.items);
}

export function remove(conversation) {
	if (conversation.direct) directs.delete(conversation);
	else rooms.delete(conversation.name);
}

export function end(direct, why) {
	direct.gone = why;
	direct.sure = false;
}

// A guest is somebody new, and has ended what they had begun. Where nothing was said yet, there is only a name, which may be
// somebody else's by now.
export function connectedAgain(guest) {
	for (const direct of directs) {
		direct.sure = false;
		direct.behind = !!direct.items[0]; // until it is listed
		if ((guest || direct.id === null) && !direct.gone)
			end(direct, "This conversation has ended, as your connection was lost.");
	}
}

// Those that the server does not know any more.
export function endOthers(ids) {
	for (const direct of directs)
		if (direct.id && !direct.gone && !ids.includes(direct.id)) end(direct, "This conversation has ended.");
}

export function forget() {
	rooms.clear();
	directs.clear();
}
