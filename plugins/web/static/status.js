// The line below the heading, that tells when something is wrong, and how many lines wait.

import * as alerts from "./alerts.js";
import { $, plural, write } from "./dom.js";
import { again, comeBack, joinAnother } from "./menus.js";
import * as sender from "./sender.js";
import * as session from "./session.js";
import { chat } from "./state.js";
import * as wire from "./wire.js";

const TICK = 500; // ms, while seconds are counted

const [line, first, second] = $("status").children;

export function render() {
	const { state, active } = chat;
	const isCalm = wire.tries < 0; // the server is reloaded, and we are back in a moment
	const isLost = state === "lost" && !isCalm;
	const isElsewhere = state === "elsewhere";
	const isGone = !isLost && !isElsewhere && !!active.gone;
	const trouble = problem(isLost, isElsewhere);
	const question = trouble ? null : alerts.question();
	write(line, question?.[0] ?? trouble);
	first.hidden = !isLost && !isElsewhere && !(isGone && active.name);
	if (isElsewhere) offer(first, "Go on here", session.back);
	else if (isLost) offer(first, "Try now", wire.open);
	else offer(first, again(active), () => comeBack(active));
	second.hidden = !isGone || active.direct;
	offer(second, active.name ? "Join another room" : "Join a room", joinAnother);
	for (const [i, button] of question ? [first, second].entries() : []) {
		button.hidden = false;
		offer(button, ...question[i + 1]);
	}
	const [lines, wait] = sender.waiting();
	const until = isLost ? "" : `: ${wait} s`;
	write($("waiting"), lines && !isCalm ? `${plural(lines, "line")} waiting${until}` : "");
	if (isLost || lines) setTimeout(chat.changed, TICK);
}

function offer(button, label, onclick) {
	write(button, label);
	button.onclick = () => onclick();
}

function problem(isLost, isElsewhere) {
	const { state, trouble, active } = chat;
	if (isElsewhere) return "You go on in another tab or window. Here, nothing new comes.";
	if (isLost) {
		const seconds = Math.ceil((wire.retryAt - Date.now()) / 1000);
		const next = seconds > 0 ? `Next try in ${seconds} s.` : "Trying again …";
		return `${navigator.onLine ? trouble.text || "The connection is lost." : "You are offline."} ${next}`;
	}
	if (wire.doubted) return "Is the server still there? Asking …";
	if (state === "apart" && active.name) return `You are in no room: none has let you in again. ${active.gone}`;
	return active.gone;
}

// Nothing of who was here stays.
export function forget() {
	line.replaceChildren();
	$("waiting").replaceChildren();
}
