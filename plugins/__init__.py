"""The bundled plugins, installed as the package ``greenchat_plugins``.

Each uses only what ``greenchat`` offers to everyone. Their guide is README.md in this folder.
"""
