import * as chat from "./chat.js";
import { enter } from "./composer.js";
import { $, button, el } from "./dom.js";
import * as log from "./log.js";
import { jump } from "./pages.js";
import { request } from "./wire.js";

const box = $("search");
const [form, list] = box.children;

async function go(room, seq) {
	if (innerWidth < 900) toggle(false);
	await enter(room);
	if (chat.active !== chat.rooms.get(room)) return;
	const item = await jump(chat.active, seq);
	chat.active.following = false;
	log.render();
	log.point(item?.n);
}

const result = ({ room, seq, sender, text, time }) => {
	const when = new Date(time).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
	const head = el("small", el("b", sender), ` in ${room}, ${when}`);
	return el(
		"li",
		button(() => go(room, seq), head, el("span", { dir: "auto" }, text))
	);
};
form.onsubmit = async event => {
	event.preventDefault();
	const say = text => ($("found").textContent = text);
	list.replaceChildren();
	say("Searching …");
	try {
		const { messages } = await request("search", { text: form.text.value, limit: 50 });
		list.append(...messages.map(result));
		say(messages[0] ? "" : "Nothing found.");
	} catch ({ text }) {
		say(text);
	}
};
form.onreset = () => toggle(false);
$("open-search").onclick = () => toggle();
box.onkeydown = ({ key }) => {
	if (key === "Escape") toggle(false);
};

function toggle(open = box.hidden) {
	box.hidden = !open;
	const field = open ? form.text : $("text");
	field.focus();
}

export function forget() {
	form.text.value = "";
	list.replaceChildren();
	$("found").textContent = "";
	box.hidden = true;
}
