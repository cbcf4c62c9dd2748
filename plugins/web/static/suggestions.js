// What is offered above the box, and what has been chosen of it.

import { complete } from "./completion.js";
import * as talks from "./conversations.js";
import { $, el } from "./dom.js";
import { commandIn } from "./sender.js";
import { chat } from "./state.js";

const box = $("text");
const list = $("options");

export let offered; // see `complete`
export let chosen = -1; // its number
let onTaken;

// `taken`: what to do once one has stood in the box.
export function start(taken) {
	onTaken = taken;
}

// For what stands before the cursor; `eager`: one has asked for it.
export function find(eager) {
	const members = Array.from(chat.active.members?.values() ?? [], ({ name }) => name);
	const values = new Map(Object.entries({ member: members, room: [...talks.rooms.keys()], switch: ["on", "off"] }));
	const { value, selectionStart } = box;
	return complete(value, selectionStart, values, chat.commands, eager, commandIn(value)?.arguments);
}

// Without `found`, nothing is offered any more.
export function offer(found, which = 0) {
	const options = found?.options ?? [];
	offered = found;
	chosen = found?.loose ? -1 : (which + options.length) % options.length;
	list.hidden = !found;
	const option = ({ label, help }, i) => {
		const attributes = {
			"id": `option-${i}`,
			"role": "option",
			"aria-selected": i === chosen,
			"onclick": () => take(i)
		};
		return el("li", attributes, el("b", label), " ", el("small", help));
	};
	list.replaceChildren(...options.map(option));
	list.children[chosen]?.scrollIntoView({ block: "nearest" });
	box.setAttribute("aria-activedescendant", options[chosen] ? `option-${chosen}` : "");
}

export const move = step => offer({ ...offered, loose: false }, chosen < 0 ? 0 : chosen + step);

export function take(which = Math.max(chosen, 0)) {
	box.setRangeText(offered.options[which].value, offered.from, box.selectionStart, "end");
	onTaken();
}

// What stands in the box if Enter takes what is chosen.
export const wouldBe = () => (offered?.options[chosen] ?? box).value;

list.onmousedown = event => event.preventDefault(); // the box keeps the focus
box.onblur = () => offer();
