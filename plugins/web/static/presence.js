// Comings and goings, as sentences.

// Who goes to another room has not left the chat: only the reason tells.
const KINDS = new Map([
	["joined", "joined"],
	["left", "left"],
	["renamed", "changed names"]
]);
const MOVED = /^went to \S+$/;

export function summary(folded) {
	if (!folded[1]) return sentence(folded[0]);
	const counts = [...KINDS].map(([kind, word]) => [folded.filter(item => item.kind === kind).length, word]);
	return counts
		.filter(([count]) => count)
		.map(([count, word]) => `${count} ${word}`)
		.join(", ");
}

export function sentence({ kind, name, new_name, reason = "left" }) {
	if (new_name) return `${name} is now known as ${new_name}`;
	if (kind !== "left") return `${name} ${kind}`;
	if (MOVED.test(reason)) return `${name} ${reason}`;
	return `${name} has left the room${reason === "left" ? "" : ` (${reason})`}`;
}
