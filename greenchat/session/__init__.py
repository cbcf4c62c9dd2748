"""One connection: its greenlet, the JOIN/MSG/LEAVE core, its answers, flood control, silence."""
