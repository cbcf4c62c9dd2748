// Who we are, what is shown, and whom to tell when that changes. All other modules look here; those that change it are
// session.js, handlers.js and requests.js.

import * as talks from "./conversations.js";
import { callerOf, take as takeLevels } from "./levels.js";

export const chat = {
	// "in", "lost" for a while, "elsewhere": another tab goes on as us, or "apart": connected, and in no room.
	state: "out",
	trouble: {}, // the error that the server told last
	name: "",
	account: "", // that we are logged in to
	limits: {},
	commands: [],
	active: null, // the conversation that is shown
	stay: 1, // another number where we are not who we were

	isMe: other => talks.same(other, chat.name),

	isMine: item => !!item?.sender && (item.mine || chat.isMe(item.sender)),

	// What is known of us as a member.
	me() {
		const room = chat.active.direct ? talks.rooms.values().next().value : chat.active;
		return room?.member(chat.name) ?? {};
	},

	// Finds what calls us in a text: our name, that of our account, our words.
	caller: () => callerOf(chat.name, chat.account),

	known: command => chat.commands.find(({ name }) => name === command),

	changed: () => ui.changed(),

	// `instead`: the way back does not lead to what was shown before.
	show(conversation, instead = false) {
		if (chat.active) chat.active.mark = null;
		chat.active = conversation;
		ui.open(instead);
	},

	// Says something to the reader alone; `to`: the room that a button behind it leads to.
	tell(room, text, kind = "notice", to) {
		const item = { kind, text, time: Date.now(), room: to };
		if (!room) return item; // we have left meanwhile
		room.add(item);
		if (room === chat.active) ui.heard(item, room);
		chat.changed();
		return item;
	},

	// Nothing of who was here stays.
	forget() {
		talks.forget();
		takeLevels({});
		Object.assign(chat, { state: "out", trouble: {}, name: "", account: "", limits: {}, commands: [], active: null });
	}
};

// What the modules without DOM ask of the page: see app.js.
export const ui = {};
