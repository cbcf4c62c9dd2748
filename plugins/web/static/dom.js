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
	node.className = classes.join(" ");
	for (const [name, value] of Object.entries(attributes))
		if (name.startsWith("on")) node[name] = value;
		else if (value != null) node.setAttribute(name, value);
	node.append(...children.flat().filter(Boolean));
	return node;
}

// What a button is called that shows a picture alone.
export function describe(node, label) {
	node.ariaLabel = label;
	node.title = label;
}

export const button = (onclick, ...children) => el("button", { type: "button", onclick }, ...children);

export const nodesOf = tokens =>
	tokens.map(token => {
		const { tag, href, children } = token;
		return tag ? el(tag, href && { href, target: "_blank", rel: "noopener noreferrer" }, nodesOf(children)) : token;
	});

// Shows `rows`, {key, sign, ...}. What has the same key and sign as before stays: so do scrolling, selections and focus.
export function sync(parent, rows, build) {
	const old = new Map([...parent.children].map(node => [node.key, node]));
	const { activeElement } = document;
	const focus = [...old.values()].find(node => node.contains(activeElement));
	const nodes = rows.map(row => {
		const { key, sign } = row;
		const was = old.get(key);
		return was && was.sign === sign ? was : Object.assign(build(row), { key, sign });
	});
	const stay = new Set(nodes);
	for (const node of old.values()) if (!stay.has(node)) node.remove();
	for (const [i, node] of nodes.entries())
		if (parent.children[i] !== node) parent.insertBefore(node, parent.children[i]);
	if (!focus || parent.contains(document.activeElement)) return;
	// In what has taken its place, that is the same button, or the first.
	const row = nodes.find(({ key }) => key === focus.key);
	const buttons = [...(row?.querySelectorAll("button") ?? [])];
	const now =
		activeElement === focus ? row : (buttons.find(({ value }) => value === activeElement.value) ?? buttons[0] ?? row);
	now?.focus({ preventScroll: true });
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

export const avatar = name => tint(el("span.avatar", { "aria-hidden": true }, [...name][0].toUpperCase()), name);

export function icon(path) {
	const [svg, line] = ["svg", "path"].map(tag => document.createElementNS("http://www.w3.org/2000/svg", tag));
	line.setAttribute("d", path);
	svg.append(line);
	return svg;
}

// A word about what was done, for a moment.
export function hint(text) {
	$("hint").textContent = text;
	clearTimeout(hint.timer);
	hint.timer = setTimeout(() => ($("hint").textContent = ""), HINT);
}

// `entries`: [label, run], or nothing. `above`: what stands above them.
export function menu(anchor, entries, above = "") {
	const box = $("menu");
	const entry = ([label, run]) => {
		const choose = () => {
			box.hidePopover();
			run();
		};
		return button(choose, label);
	};
	box.replaceChildren(above, ...entries.filter(Boolean).map(entry));
	const { left, bottom } = anchor.getBoundingClientRect();
	anchor.closest("nav, aside, main").append(box); // a drawer stays open around it
	box.showPopover();
	box.style.left = `min(${left}px, 100vw - ${box.offsetWidth}px)`;
	box.style.top = `min(${bottom}px, 100vh - ${box.offsetHeight}px)`;
	box.querySelector("button").focus();
	box.onkeydown = ({ key }) => {
		if (key === "Escape") anchor.focus();
	};
}

// `fields`: [name, label, attributes]. Resolves to their values. `careful`: Enter alone is no consent.
export function ask(title, fields, ok, note = "", careful) {
	const box = $("ask");
	const form = box.firstChild;
	const field = ([name, label, more]) => {
		const input = el("input", { name, required: "", autofocus: "", autocomplete: "off", ...more });
		return input.type === "checkbox" ? el("label.check", input, label) : el("label", label, input);
	};
	const cancel = el("button", { type: "button", onclick: () => box.close(), autofocus: careful ? "" : null }, "Cancel");
	const main = el("button.main", { value: 1, autofocus: careful ? null : "" }, ok);
	const said = note instanceof Node ? note : el("p", note);
	form.replaceChildren(el("h2", { id: "asked" }, title), said, ...fields.map(field), el("footer", cancel, main));
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
