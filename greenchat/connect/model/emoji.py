"""Emoji by the names that one types between colons: those of the page."""

import re

# For reactions, the first that one is offered.
USUAL = ("👍", "❤️", "😂", "🎉", "🙏", "👀", "✅", "🤔", "😮", "😢", "🚀", "👎")

_TABLE = """
+1 👍 -1 👎 100 💯 angry 😠 beer 🍺 birthday 🎂 blush 😊 broken_heart 💔 bug 🐛 bulb 💡 cake 🍰 cat 🐱 check ✅ clap 👏
coffee ☕ confused 😕 cry 😢 dog 🐶 eyes 👀 facepalm 🤦 fire 🔥 ghost 👻 gift 🎁 grin 😁 heart ❤️ heart_eyes 😍
hug 🤗 joy 😂 key 🔑 laughing 😆 lock 🔒 memo 📝 muscle 💪 ok 👌 party 🥳 pizza 🍕 poop 💩 pray 🙏 rage 😡 rainbow 🌈
raised_hands 🙌 rocket 🚀 rofl 🤣 rose 🌹 scream 😱 shrug 🤷 smile 😄 sob 😭 sparkles ✨ star ⭐ sun ☀️
sunglasses 😎 sweat_smile 😅 tada 🎉 tea 🍵 thinking 🤔 thumbsdown 👎 thumbsup 👍 trophy 🏆 upside_down 🙃
warning ⚠️ wave 👋 wine 🍷 wink 😉 zap ⚡
"""

EMOJI: dict[str, str] = dict(re.findall(r"(\S+) (\S+)", _TABLE))

_OF = {sign: name for name, sign in EMOJI.items()}

# What one types behind /react: the number of a message, if at all, and a name.
_REACT = re.compile(r"(/react\s+(?:#*[1-9][0-9]*\s+)?):?([+-]?\w+):?\s*", re.IGNORECASE)


def name_of(sign: str) -> str:
    """What one types for it; empty where it has no name."""
    return _OF.get(sign, "")


def with_sign(line: str) -> str:
    """`/react NAME` with the emoji that is called so; any other `line` as it is."""
    match = _REACT.fullmatch(line)
    sign = EMOJI.get(match[2].lower()) if match is not None else None
    return f"{match[1]}{sign}" if match is not None and sign is not None else line
