// What stays in this browser, or in this tab; null takes it away. Where the browser does not let us, we forget.

export const keptInTab = (key, value) => kept(key, value, "sessionStorage");

export function kept(key, value, storage = "localStorage") {
	const place = `greenchat.${key}`;
	try {
		if (value) window[storage][place] = JSON.stringify(value);
		else if (value === null) delete window[storage][place];
		return JSON.parse(window[storage][place]) ?? {};
	} catch {
		return {};
	}
}
