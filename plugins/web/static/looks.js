// How the rows of the log look.

import * as talks from "./conversations.js";
import { isMyReaction } from "./changes.js";
import { avatar, button, el, nodesOf, tint } from "./dom.js";
import * as files from "./files.js";
import { parse } from "./markup.js";
import { add, pump } from "./sender.js";
import { chat, ui } from "./state.js";
import { sentence, summary } from "./presence.js";

const format = options => new Intl.DateTimeFormat([], options).format;
const clock = format({ timeStyle: "short" });
const full = format({ dateStyle: "full", timeStyle: "medium" });
const day = format({ dateStyle: "full" });

// What a clock shows takes long to be put into words: of many in one minute it is done once.
let [minute, words] = [0, ""];

function clockOf(time) {
	const now = Math.floor(time / 60_000);
	if (now !== minute) [minute, words] = [now, clock(time)];
	return words;
}

// Its title is put into words when somebody points at it: see acts.js.
const timeOf = ({ time }) => Object.assign(el("time", clockOf(time)), { time });

export function date(node) {
	if (node?.time) node.title ||= full(node.time);
}

export const dayOf = ({ time }) => (day(time) === day(Date.now()) ? "Today" : day(time));

// `row`: see `rows` in timeline.js. `mine` finds one's own name in a text.
export const look = (row, mine) => (looks.get(row.kind) ?? notice)(row, mine);

const looks = new Map(
	Object.entries({
		message,

		presence({ item: { folded } }) {
			const lines = folded.map(item => el("li", timeOf(item), " ", sentence(item)));
			const text = summary(folded);
			// It stays open when more come.
			const ontoggle = ({ target }) => (folded.open = target.open);
			const details = () =>
				el("details", { open: folded.open ? "" : null, ontoggle }, el("summary", text), el("ul", lines));
			return copied(el("li.notice", folded[1] ? details() : text), "* ", text);
		},

		deleted: ({ item: { by }, sign }) =>
			el("li.notice.deleted", { title: by && `by ${by}` }, sign > 1 ? `${sign} messages deleted` : "Message deleted"),

		day: ({ item }) => copied(el("li.day", dayOf(item)), "", day(item.time)),
		new: () => el("li.day.new", "New messages")
	})
);

// For what is copied, and acts.js.
const copied = (row, prefix, text, item) => Object.assign(row, { item, copied: { prefix, text } });

const plain = tokens => tokens.map(token => (token.children ? plain(token.children) : token)).join("");

// A line of what is answered. `item` may be out of reach (null), not here yet, or deleted.
export function quotation(item, nameless) {
	if (!item) return el("span", item === null ? "an earlier message" : "…");
	if (item.kind === "deleted") return el("i", "a message that was deleted");
	const { sender, text } = item;
	const name = !nameless && [tint(el("b", { dir: "auto" }, sender), sender), " "];
	return el("span", name, el("span", { dir: "auto" }, plain(parse(text))));
}

function reactions(item) {
	const chip = ([emoji, names]) => {
		const mine = isMyReaction(names);
		const label = `${emoji} ${names.length}: ${names.join(", ")}`;
		const attributes = {
			"type": "button",
			"value": emoji,
			"title": names.join(", "),
			"aria-label": label,
			"aria-pressed": mine
		};
		return el("button.chip", attributes, emoji, " ", el("small", names.length));
	};
	return item.reactions?.size > 0 && el("p.reactions", [...item.reactions].map(chip));
}

// `mine` finds one's own name in a text.
function message({ item, head, isLastOwn, original }, mine) {
	const { text, action, state, why, sender, edited } = item;
	const name = tint(el("b", { dir: "auto" }, sender), sender);
	const words = nodesOf(parse(files.beside(item), item.mine ? undefined : mine));
	const forMe = !item.mine && (mine.test(text) || chat.isMine(original));
	// In a group only the first message shows whose they are. It is read out with each.
	const time = [!action && el("span.sr", `${sender}: `), timeOf(item)];
	const row = el(
		["li.message", head && "head", action && "action", forMe && "for-me", isLastOwn && "last-own"]
			.filter(Boolean)
			.join("."),
		{ "data-state": state, "tabindex": -1 },
		head && !action ? [avatar(sender), el("p", name, " ", timeOf(item))] : time,
		item.reply_to > 0 &&
			el("button.quote", { type: "button", value: "quote" }, el("span.sr", "Answer to "), quotation(original)),
		el(edited ? "div.body.edited-later" : "div.body", { dir: "auto" }, action && [name, " "], words),
		files.shown(item.files),
		edited && el("small.edited", { title: `Edited: ${full(edited)}` }, "edited"),
		reactions(item),
		why && el("p.error", why, state === "failed" && remedies(item))
	);
	return copied(row, `[${clockOf(item.time)}] ${action ? `* ${sender} ` : `${sender}: `}`, text, item);
}

// Of what could not be said.
function remedies(item) {
	const room = chat.active;
	const drop = () => {
		room.remove(item);
		pump();
	};
	const say = () => {
		add(room, item.text, item.wire, item.action, item.alone ? undefined : item.answered);
		drop();
	};
	const retry = room.direct && room.gone ? [] : [button(say, item.alone ? "Say it without that" : "Try again"), " "];
	return [" ", ...retry, button(drop, "Delete")];
}

function notice({ item: { kind, text, room } }) {
	const label = talks.rooms.get(room)?.gone === "" ? `Go to ${room}` : `Join ${room}`;
	const row = el(`li.notice.${kind}`, { dir: "auto" }, text, room && button(() => ui.visit(room), label));
	return copied(row, "* ", text);
}
