// How this page makes elements. What users typed comes in as text nodes alone.

import { fold } from "./text.js";

const HINT = 4000; // ms

export const $ = id => document.getElementById(id);
export const plural = (count, what) => `${count} ${what}${count === 1 ? "" : "s"}`;

// `el("li.notice", {title}, "Text", child, [more], ...)`, with or without attributes; what is falsy is left out.
export function el(what, attributes, ...children) {
	if (attributes?.constructor !== Object) return el(what, {}, attributes, ...children);
	const [tag, ...classes] = what.split(".");
	const node = document.createElement(tag);
	if (classes[0]) node.className = classes.join(" ");
	for (const [name, value] of Object.entries(attributes))
		if (name.startsWith("on")) node[name] = value;
		else if (value != null) node.setAttribute(name, value);
	node.append(...children.flat().filter(Boolean));
	return node;
}

// What says that already stays as it is, so that nothing is laid out anew.
export function write(node, text) {
	if (node.textContent !== text) node.textContent = text;
}

// What a button is called that shows a picture alone; `keys`: what does the same, as "Enter".
export function describe(node, label, keys = "") {
	node.ariaLabel = label;
	node.title = keys ? `${label} (${keys})` : label;
}

export const button = (onclick, ...children) => el("button", { type: "button", onclick }, ...children);

// See markup.js.
export const nodesOf = tokens => tokens.flatMap(token => (token.tag ? (MADE.get(token.tag) ?? made)(token) : token));

const made = ({ tag, children }) => el(tag, nodesOf(children));

const MADE = new Map(
	Object.entries({
		// A name for a link hides where it leads: that stands beside it.
		a({ href, children: [words] }) {
			const link = el("a", { href, title: href, target: "_blank", rel: "noopener noreferrer" }, words);
			return words === href ? link : [link, el("small.host", ` (${new URL(href).host})`)];
		},

		pre({ children }) {
			const code = children.at(-1);
			const take = button(() => copy(code, "Code"), icon(SHEETS));
			describe(take, "Copy the code");
			const language = children[1] && el("small.language", children[0].children[0].trim());
			return el("div.code", language, take, el("pre", { tabindex: 0 }, code));
		},

		sign: ({ children }) => el("span.sign", children),
		li: ({ level, children }) => el(`li.level-${level}`, nodesOf(children))
	})
);

const SHEETS = "M7 7h9v9H7zM4 13V4h9";

export async function copy(text, what) {
	try {
		await navigator.clipboard.writeText(text);
		hint(`${what} copied`);
	} catch {
		ask(`Copy this ${what.toLowerCase()}`, [["text", what, { value: text, readonly: "" }]], "Close");
	}
}

// Shows `rows`, {key, sign, ...}. What has the same key and sign as before stays: so do scrolling, selections and focus.
export function sync(parent, rows, build) {
	const old = new Map([...parent.children].map(node => [node.key, node]));
	const { activeElement } = document;
	const focus = parent === activeElement ? null : childWith(parent, activeElement);
	const nodes = rows.map(row => {
		const { key, sign } = row;
		const was = old.get(key);
		return was && was.sign === sign ? was : Object.assign(build(row), { key, sign });
	});
	const stay = new Set(nodes);
	for (const node of old.values()) if (!stay.has(node)) node.remove();
	let place = parent.firstElementChild;
	for (const node of nodes)
		if (node === place) place = place.nextElementSibling;
		else parent.insertBefore(node, place);
	if (!focus || parent.contains(document.activeElement)) return;
	// In what has taken its place, that is the same button, or the first.
	const row = nodes.find(({ key }) => key === focus.key);
	const buttons = [...(row?.querySelectorAll("button") ?? [])];
	const now =
		activeElement === focus ? row : (buttons.find(({ value }) => value === activeElement.value) ?? buttons[0] ?? row);
	now?.focus({ preventScroll: true });
}

// The child of `parent` that `node` is, or is in.
function childWith(parent, node) {
	if (!parent.contains(node)) return null;
	while (node.parentNode !== parent) node = node.parentNode;
	return node;
}

export function tint(node, name) {
	node.style.setProperty(
		"--hue",
		[...fold(name)].reduce((hash, c) => (hash * 31 + c.codePointAt(0)) % 360, 7)
	);
	return node;
}

// A name that somebody has given, and a word about it.
export const named = (name, note) => el("span", el("bdi", name), el("small", note));

// The letter stands in the middle in whatever font: its line is put where half of a capital's height is.
export function avatar(name) {
	const circle = svg("svg", { "class": "avatar", "viewBox": "0 0 20 20", "aria-hidden": true });
	const letter = svg("text", { x: 10, y: 10, dy: "0.36em" });
	letter.append([...name][0].toUpperCase());
	circle.append(letter);
	return tint(circle, name);
}

function svg(tag, attributes) {
	const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
	for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
	return node;
}

// `path`: its lines, on a square of 20.
export function icon(path) {
	const picture = svg("svg", { "viewBox": "0 0 20 20", "aria-hidden": true });
	picture.append(svg("path", { d: path }));
	return picture;
}

// A word about what was done, for a moment.
export function hint(text) {
	$("hint").textContent = text;
	clearTimeout(hint.timer);
	hint.timer = setTimeout(() => ($("hint").textContent = ""), HINT);
}

// Marks what cannot be undone, or hurts somebody, in a menu.
export const harmful = entry => entry && [...entry, true];

// `groups` of entries with lines between them. An entry is [label, run], or nothing; see `harmful`. `above`: what stands
// above them.
export function menu(anchor, groups, above = "") {
	const box = $("menu");
	const entry = ([label, run, isHarmful]) => {
		const choose = () => {
			box.hidePopover();
			run();
		};
		const node = button(choose, label);
		if (isHarmful) node.className = "harmful";
		return node;
	};
	const filled = groups.map(group => group.filter(Boolean)).filter(group => group[0]);
	const parts = filled.flatMap((group, i) => [...(i || above ? [el("hr")] : []), ...group.map(entry)]);
	box.replaceChildren(above, ...parts);
	const { left, top, bottom } = anchor.getBoundingClientRect();
	anchor.closest("nav, aside, main").append(box); // a drawer stays open around it
	box.showPopover();
	box.style.left = `min(${left}px, 100vw - ${box.offsetWidth}px)`;
	// Never under the mouse: a second click must not choose what lies there.
	const { offsetHeight: height } = box;
	const fits = bottom + height < innerHeight || top < height;
	box.style.top = fits ? `min(${bottom}px, 100vh - ${height}px)` : `${top - height}px`;
	box.querySelector("button").focus();
	box.onkeydown = ({ key }) => {
		if (key === "Escape") anchor.focus();
	};
}

const choice = (name, { choices, value, onchange }) =>
	el(
		"select",
		{ name, onchange },
		choices.map(([key, label]) => el("option", { value: key, selected: key === value ? "" : null }, label))
	);

// `fields`: [name, label, attributes], or {choices: [[value, label], ...], value, onchange} in place of those. Resolves to
// their values. `careful`: Enter alone is no consent. `isDone`: all is done already, and there is nothing to cancel.
export function ask(title, fields, ok, note = "", { careful = false, isDone = false } = {}) {
	const box = $("ask");
	const form = box.firstChild;
	const field = ([name, label, more]) => {
		if (more?.choices) return el("label", label, choice(name, more));
		const input = el("input", { name, required: "", autofocus: "", autocomplete: "off", ...more });
		return input.type === "checkbox" ? el("label.check", input, label) : el("label", label, input);
	};
	const cancel = el("button", { type: "button", onclick: () => box.close(), autofocus: careful ? "" : null }, "Cancel");
	const main = el("button.main", { value: 1, autofocus: careful ? null : "" }, ok);
	const said = note instanceof Node ? note : el("p", note);
	form.replaceChildren(
		el("h2", { id: "asked" }, title),
		said,
		...fields.map(field),
		el("footer", !isDone && cancel, main)
	);
	box.returnValue = "";
	box.showModal();
	return new Promise(resolve => {
		box.onclose = () => {
			if (box.open) return; // again already
			resolve(box.returnValue && Object.fromEntries(new FormData(form)));
			form.replaceChildren(); // passwords do not stay
		};
	});
}
