"""Calls: H.323 as endpoints speak it, through the box of the rig, with whatever rules are loaded there."""

from .calls import Call, Endpoint, RefusedError
from .messages import Message, message

__all__ = ["Call", "Endpoint", "Message", "RefusedError", "message"]
