"""Reads each .eml of a folder and says, in a line of JSON, what it found.

Arguments: the folder, and a file of JSON with the TXT records of the keys.
"""

import email
import email.header
import email.policy
import email.utils
import json
import pathlib
import sys

import dkim

folder = pathlib.Path(sys.argv[1])
records = json.loads(pathlib.Path(sys.argv[2]).read_text())


def txt(name, timeout=5):
    name = name.decode() if isinstance(name, bytes) else name
    return records[name].encode()


def verdicts(mail):
    return [
        dkim.DKIM(mail).verify(idx=index, dnsfunc=txt)
        for index in range(mail.count(b"DKIM-Signature:"))
    ]


def name_of(mail):
    """The older interface: the newer one puts spaces between the encoded words of a name."""
    raw = email.message_from_bytes(mail)["To"]
    name, _ = email.utils.parseaddr(raw.replace("\r\n", ""))
    return str(email.header.make_header(email.header.decode_header(name)))


for path in sorted(folder.glob("*.eml")):
    mail = path.read_bytes()
    message = email.message_from_bytes(mail, policy=email.policy.default)
    defects = [str(defect) for part in message.walk() for defect in part.defects]
    for part in message.walk():
        for name in ("subject", "to", "cc", "from", "content-type", "content-disposition"):
            if part[name] is not None:
                # An encoded word in quotes, for programs that know no RFC 2231, is no fault here.
                defects += [
                    f"{name}: {defect}"
                    for defect in part[name].defects
                    if name != "content-type" or "encoded" not in str(defect)
                ]
    to = message["to"].addresses[0]
    tampered = mail.replace(b"Message-ID: <", b"Message-ID: <x", 1)
    print(
        json.dumps(
            {
                "defects": defects,
                "subject": message["subject"],
                "name": name_of(mail),
                "address": to.addr_spec,
                "file": next(message.iter_attachments()).get_filename(),
                "signatures": verdicts(mail),
                "tampered": verdicts(tampered),
                "unsubscribe": message["list-unsubscribe-post"],
            }
        ),
        flush=True,
    )
