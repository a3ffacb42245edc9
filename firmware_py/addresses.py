"""How configurations and commands spell where to listen, and which registers are meant."""

from drivers.links import NetLink, parse_url


def listen_address(listen: str) -> tuple[str, int]:
    """Host and port of `tcp://host:port`, where port 0 takes a free one; ValueError otherwise."""
    is_any = listen.endswith(":0")
    link = parse_url(f"{listen[:-1]}1" if is_any else listen)
    if not isinstance(link, NetLink) or link.scheme != "tcp":
        raise ValueError(f"{listen}: tcp://host:port is allowed")
    return link.host, 0 if is_any else link.port


def registers_of(text: str) -> range:
    """The registers of `40240-40250` or `40240`, zero-based as on the wire; ValueError otherwise."""
    first, dash, last = text.partition("-")
    if not first.isdecimal() or (dash and not last.isdecimal()):
        raise ValueError(f"registers {text!r}: such as 40240-40250 or 40240 is allowed")
    found = range(int(first), int(last or first) + 1)
    if not found or found[-1] > 0xFFFF:
        raise ValueError(f"registers {text!r}: 0 to 65535, the lower one first, is allowed")
    return found
