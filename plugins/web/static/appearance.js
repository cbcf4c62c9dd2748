// How the page looks, as one has chosen on this device: theme, size of the text, density. Applied before anything is drawn.

import { kept } from "./storage.js";

const THEMES = [
	["", "As the system has it"],
	["light", "Light"],
	["dark", "Dark"]
];
const SIZES = [
	["small", "Small"],
	["", "Normal"],
	["large", "Large"],
	["huge", "Very large"]
];
const DENSITIES = [
	["", "Roomy"],
	["compact", "Compact"]
];

function apply() {
	const { theme, size, density } = kept("looks");
	const { dataset, style } = document.documentElement;
	style.colorScheme = theme ?? "";
	dataset.size = size ?? "";
	dataset.density = density ?? "";
}

// Each choice is seen at once. `ask`: the dialog of dom.js, which is not loaded before the page is drawn.
export function choose(ask) {
	const looks = kept("looks");
	const set = ({ target }) => {
		looks[target.name] = target.value;
		kept("looks", looks);
		apply();
	};
	const field = (name, label, choices) => [name, label, { choices, value: looks[name] ?? "", onchange: set }];
	const fields = [
		field("theme", "Theme", THEMES),
		field("size", "Text", SIZES),
		field("density", "Density", DENSITIES)
	];
	return ask("Appearance", fields, "Done", "For this device. Your browser's own size of text counts, too.", {
		isDone: true
	});
}

addEventListener("storage", apply); // another window has changed it
apply();
