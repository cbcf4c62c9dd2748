// The box: what is typed, and what Enter makes of it.

import { credentials } from "./account.js";
import { removal, run, runHere } from "./commands.js";
import { $, ask, el, plural } from "./dom.js";
import * as drafts from "./drafts.js";
import { named } from "./emoji.js";
import { toLatest } from "./log.js";
import * as sender from "./sender.js";
import { chat } from "./state.js";
import * as suggestions from "./suggestions.js";

const LONG = 3; // messages: announced first
const SHOWN = 5; // of the lines that are asked about

const box = $("text");
const reason = $("reason");
const typed = []; // the latest first
let recalled = -1; // which of them is back in the box
let strokes = 0; // how often the box was changed by hand

export const strokesSoFar = () => strokes;

export function open() {
	reason.textContent = "";
	set(drafts.kept(chat.active.key).text);
	if (matchMedia("(hover: hover)").matches) box.focus(); // else a keyboard would cover the screen
}

function set(text = "") {
	box.value = text;
	changed();
}

// `found`: what is offered.
export function changed(found) {
	if (intercept()) return;
	if (chat.active) drafts.keep(chat.active.key, sender.mayHide(box.value) ? "" : box.value);
	box.style.height = "auto";
	box.style.height = `${box.scrollHeight + 2}px`;
	suggestions.offer(found);
}

drafts.start(text => {
	reason.textContent = "";
	strokes += 1;
	recalled = -1;
	set(text);
});

suggestions.start(() => {
	strokes += 1;
	changed();
});

// Nothing of who was here stays.
export function forget() {
	typed.length = 0;
	recalled = -1;
	reason.textContent = "";
	set();
}

// --- sending ---

async function submit() {
	const { value: text } = box;
	const room = chat.active;
	const messages = sender.messages(text);
	if (intercept(true)) return;
	if (!messages[0]) return drafts.isEdit(room) && removal(room, room.find(drafts.current(room).seq));
	const why = refusal(room, messages);
	reason.textContent = why;
	if (why) return;
	if (drafts.isEdit(room)) return save(room, messages[0]);
	if (!(await confirmed(messages))) return;
	if (!sender.mayHide(messages.join("\n"))) typed.unshift(text);
	room.mark = null;
	// A command answers nothing: what was to be answered is still there.
	const answered = sender.isCommand(messages[0]) ? undefined : drafts.current(room);
	drafts.keep(room.key, "", answered ? null : undefined);
	if (chat.active === room) set();
	if (runHere(room, text)) return;
	sender.say(room, text, answered);
	if (chat.active === room) toLatest();
}

async function save(room, text) {
	try {
		await drafts.save(room, text);
	} catch (error) {
		if (chat.active === room) reason.textContent = error.text;
		else chat.tell(room, error.text, "error");
	}
}

const isText = line => !sender.isCommand(line) || /^\/me\s/i.test(sender.slashed(line));
const linesOf = messages => messages.flatMap(text => text.split("\n"));

// Why nothing of it may be said: then it stays in the box.
function refusal(room, messages) {
	const [first] = messages;
	if (sender.isCommand(first) && linesOf(messages)[1])
		return "Nothing was sent: the first line is a command, and a command is one line alone. Two slashes, as in //me, are text.";
	if (!isText(first) && !drafts.isEdit(room)) return "";
	return room.gone ? `Nothing was sent. ${room.gone}` : drafts.refusal(room, messages);
}

async function confirmed(messages) {
	const lines = linesOf(messages);
	const slashed = lines.slice(1).filter(sender.slashed);
	if (!slashed[0]) return messages.length < LONG || ask(`Send ${messages.length} messages?`, [], "Send");
	const shown = slashed.slice(0, SHOWN).map(line => el("li", line));
	const note = el("div", "This begins like a command. It would be read by all who are here:", el("ul.asked", shown));
	const title = `Say ${plural(slashed.length, "line")} with a slash in front as text?`;
	return ask(title, [], `Send ${plural(lines.length, "line")}`, note, { careful: true });
}

// A command that needs a secret is not typed to its end: that must not be seen.
function intercept(isWhole) {
	const line = sender.slashed(box.value);
	const { name, arguments: all = [] } = sender.commandIn(line) ?? {};
	const asks = all.some(({ kind, optional }) => kind === "secret" && !optional);
	if (!asks || !(isWhole || /\s/.test(line)) || line.trim().includes("\n")) return false;
	set();
	const [, act] = credentials(name) || run(name, {}, `/${name}`);
	act();
	return true;
}

// --- keys ---

box.onkeydown = event => {
	const { key, shiftKey, ctrlKey, metaKey, altKey, isComposing, keyCode } = event;
	// Safari ends a composition before it tells of the Enter that did so, and marks that by 229 alone.
	if (shiftKey || ctrlKey || metaKey || altKey || isComposing || keyCode === 229) return;
	if (press(key)) event.preventDefault();
};

// Whether the key means something here; else the browser does with it what it always does.
function press(key) {
	const { offered } = suggestions;
	const up = { ArrowUp: 1, ArrowDown: -1 }[key];
	if (offered && up) suggestions.move(-up);
	else if (offered && key === "Escape") suggestions.offer();
	else if (key === "Escape") return leaveDraft();
	// What is offered may stand there already.
	else if (offered && /Tab|Enter/.test(key) && !(key === "Enter" && stands(suggestions.wouldBe()))) suggestions.take();
	else if (key === "Enter") submit();
	else if (key === "Tab") return completeWord();
	else return !!up && recall(up);
	return true;
}

const stands = text => text.trim() === box.value.trim();

function leaveDraft() {
	const isLeft = drafts.leave();
	if (isLeft) reason.textContent = "";
	return isLeft;
}

function completeWord() {
	const found = suggestions.find(true);
	if (!found) return false;
	suggestions.offer(found);
	if (!found.options[1]) suggestions.take();
	return true;
}

// Up (1) and Down (-1) lead through one's own messages, and what was typed. In several lines they move the cursor.
function recall(up) {
	const passed = up > 0 ? box.value.slice(0, box.selectionStart) : box.value.slice(box.selectionEnd);
	if (passed.includes("\n")) return false;
	if (recalled < 0 && meansMessages() && drafts.changeOwn(up)) return true;
	if (drafts.isEdit(chat.active) || (box.value && recalled < 0)) return false;
	recalled = Math.max(-1, Math.min(typed.length - 1, recalled + up));
	set(typed[recalled]);
	return true;
}

// Up leads to the last message, or to the command that was typed behind it.
const meansMessages = () => drafts.isEdit(chat.active) || (!box.value && !(typed[0] && sender.isCommand(typed[0])));

box.oninput = () => {
	recalled = -1;
	strokes += 1;
	reason.textContent = "";
	const { from, value } = named(box.value.slice(0, box.selectionStart)) ?? {};
	if (value) box.setRangeText(value, from, box.selectionStart, "end");
	changed(suggestions.find());
};

$("composer").onsubmit = event => {
	event.preventDefault();
	submit();
};
