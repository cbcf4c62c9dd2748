// What the server tells, one function for each type of frame.

import { change, reach, renameReactions, touch } from "./changes.js";
import { add } from "./incoming.js";
import * as levels from "./levels.js";
import { count, isForMe, isRead } from "./reading.js";
import { chat, ui } from "./state.js";
import * as requests from "./requests.js";
import * as session from "./session.js";
import * as talks from "./conversations.js";
import { roomCalled, rooms } from "./conversations.js";
import { fold } from "./text.js";

export function told(frame, how = {}) {
	(types.get(frame.type) ?? notice)(frame, how);
}

const types = new Map(
	Object.entries({
		welcome(frame) {
			session.be(frame);
			const room = frame.room ? roomCalled(frame.room) : talks.nowhere();
			if (frame.room) fill(room, frame);
			session.arrived(room);
		},

		// How whoever runs the chat wants it shown. Its title and colours are in the page already.
		brand({ welcome = "", rules }, how) {
			const lines = [welcome, rules && "There are rules here: /rules"].filter(Boolean);
			if (!greeted) for (const text of lines) notice({ text }, how);
			greeted = true;
		},

		// The direct conversations that one has: all, or there are `more`.
		conversations({ direct = [], epoch, more }) {
			if (!more) talks.endOthers(direct.map(({ conversation }) => conversation));
			for (const { conversation, with: name, ...state } of direct) {
				const talk = talks.directWith(conversation, name);
				Object.assign(talk, { lasts: true, gone: "" });
				arrive(talk, { epoch, ...state });
			}
			ui.listed();
		},

		history({ room, events }, { answers }) {
			if (!answers && rooms.has(room) && !rooms.get(room).past) add(rooms.get(room), events);
		},

		message(event) {
			const { conversation, with: name, rev, seq } = event;
			const room = conversation ? talks.directWith(conversation, name) : rooms.get(event.room);
			if (!room) return;
			reach(room, rev);
			add(room, [event], seq);
		},

		edited: changed,
		deleted: changed,
		reacted: changed,
		read: event => inRoom(event, room => isRead(room, event.seq, event.seq)),

		// What /reply has said: see `run` in sender.js.
		whispered(frame, how) {
			const { conversation, to, lines } = frame;
			const direct = talks.directWith(conversation, to);
			if (direct !== how.about?.room) notice({ lines }, how);
			else if (frame.away) chat.tell(direct, lines[1]);
		},

		ended({ conversation, reason }) {
			const direct = talks.directCalled(conversation);
			if (direct) talks.end(direct, reason);
		},

		joined: event =>
			presence(event, ({ members }) => members.set(fold(event.name), { name: event.name, role: event.role })),

		left: event =>
			presence(event, room => {
				room.forget(event.name);
				talks.doubtDirects();
				if (!chat.isMe(event.name)) return;
				if (event.reason.split(": ")[0] === LEFT) session.leftElsewhere(room, `You have left ${room.name}.`);
				else session.leftOut(room, `You are not in ${room.name} any more: ${event.reason}.`);
			}),

		renamed(event) {
			const { name: old, new_name } = event;
			if (chat.isMe(old)) session.rename(new_name);
			talks.renameDirects(old, new_name);
			renameReactions(old, new_name);
			const change = room => {
				const member = room.member(old);
				room.forget(old);
				room.members.set(fold(new_name), Object.assign(member, { name: new_name }));
			};
			for (const room of shared(event, old)) presence({ ...event, room }, change);
		},

		topic: event =>
			inRoom(event, room => {
				const { topic, by } = event;
				room.topic = topic;
				chat.tell(room, `${by} has set the topic: ${topic || "none"}`);
			}),

		away(event) {
			for (const room of shared(event, event.name)) rooms.get(room).member(event.name).away = event.why;
		},

		role(event) {
			const { room: where, name, role } = event;
			const before = rooms.get(where)?.member(name).role;
			for (const room of role === OPERATOR || before === OPERATOR ? shared(event, name) : [where]) {
				const member = rooms.get(room)?.member(name) ?? {};
				if (role === OPERATOR && member.role !== OPERATOR) member.below = member.role;
				member.role = role === OPERATOR || room === where ? role : member.below;
			}
			if (chat.isMe(name)) requests.learn();
		},

		// What /notify and /highlight tell; and what was chosen by them elsewhere.
		levels(frame, how) {
			if (levels.take(frame)) for (const room of talks.all()) recount(room);
			if (frame.lines) notice(frame, how);
		},

		// What /pins tells; and what is pinned in a room that one comes into.
		pins(frame, how) {
			inRoom(frame, room => (room.pins = new Set(frame.pins?.map(({ seq }) => seq))));
			if (frame.lines) notice(frame, how);
		},

		pinned: event =>
			inRoom(event, room => {
				const { seq, by, on, sender } = event;
				room.pins[on ? "add" : "delete"](seq);
				ui.pinned(room);
				chat.tell(room, on ? `${by} has pinned a message of ${sender}: /pins` : `${by} has unpinned a message`);
			}),

		invited({ room, by }) {
			const { active } = chat;
			if (active) ui.alert(active, chat.tell(active, `${by} asks you into ${room}. `, "invited", room));
		},

		error({ code, text }) {
			if (chat.active && code !== "resumed_elsewhere") chat.tell(chat.active, text, "error");
		},

		found() {}
	})
);

let greeted = false; // who has come back knows where they are

const LEFT = "left"; // the reason where one has gone by oneself, on another device perhaps; on IRC one may say why behind it
const OPERATOR = "operator"; // in all rooms; an owner is one in one room alone

function fill(room, frame) {
	const { members, members_more: unnamed = 0, topic = "" } = frame;
	const [roles, away] = [frame.roles, frame.away].map(given => new Map(Object.entries(given ?? {})));
	const entry = name => [fold(name), { name, role: roles.get(name), away: away.get(name) }];
	Object.assign(room, { members: new Map(members.map(entry)), unnamed, topic, gone: "" });
	arrive(room, frame);
}

// Where a conversation is, as the server tells once it is known.
function arrive(room, { seq: latest, rev = 0, epoch = "", read = 0, unread = 0, mentions = 0 }) {
	room.latest = latest;
	if (latest < room.last) {
		room.keep(
			0,
			room.items.findIndex(({ seq }) => seq > latest)
		);
		chat.tell(room, "The server has lost what was said last.");
	}
	room.behind = room.checking = !!room.items[0];
	Object.assign(room, { read: Math.min(Math.max(room.read, read), latest), told: read, unread, mentions });
	isRead(room, 0);
	room.heard = room.behind ? 0 : rev;
	if (room.behind) ui.catchUp(room);
	else Object.assign(room, { rev, epoch, recent: [] });
}

// Other words call us now.
function recount(room) {
	for (const item of room.items.filter(({ kind }) => kind === "message")) {
		item.isForMe = isForMe(item);
		touch(item);
	}
	count(room);
}

// Also what a command tells, and answers.
function notice(frame, how) {
	const { about } = how;
	const { text = frame.lines?.join("\n"), room } = frame;
	if (room && !frame.lines) inRoom(frame, room => chat.tell(room, text));
	else if (about?.quiet) about.quiet.push(frame);
	else if (!chat.active) session.later(frame, how);
	else if (text) chat.tell(about?.room ?? chat.active, text);
}

// What comes for a room that we have left is not looked at.
function inRoom(event, act) {
	const room = event.conversation ? talks.directCalled(event.conversation) : rooms.get(event.room);
	if (room) act(room);
}

function changed(event) {
	inRoom(event, room => change(room, event));
}

// What happens to a person is told once, in one of the rooms that we share: the names of all of them.
const shared = ({ room }, name) =>
	[...rooms.values()].filter(other => other.name === room || other.members.has(fold(name))).map(({ name }) => name);

const presence = (event, change) =>
	inRoom(event, room => {
		change(room);
		add(room, [event]);
	});
