"""Keys of people: a private key in the user's own folder, its public half beside the criteria set."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from workbench.criteria.lifecycle.places import without_links
from workbench.criteria.lifecycle.states import LifecycleError
from workbench.errors import did_you_mean
from workbench.scorer.files import write_bytes_atomically

KEYS_VARIABLE, PASSPHRASE_VARIABLE = "WORKBENCH_KEYS", "WORKBENCH_KEY_PASSPHRASE"
"""Environment variables: the folder of the user's private keys, and the passphrase that protects them."""

PUBLIC_FOLDER, FORMER_FOLDER = "keys", "former"
"""Folder beside a criteria set with ``NAME.pub`` of everybody who may sign; in it, the folder of those who left."""

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?")
_SIGNATURE = re.compile(r"[0-9a-f]{128}")


@dataclass(frozen=True)
class Person:
    """Somebody whose signature counts: name and public key; who `is_former` signed once and signs nothing more."""

    name: str
    public_key: Ed25519PublicKey
    is_former: bool = False

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the raw public key, in hexadecimal digits."""
        return hashlib.sha256(self.public_key.public_bytes_raw()).hexdigest()

    def signed(self, content: bytes, signature: str) -> bool:
        """Say whether `signature` (128 lower-case hexadecimal digits) is this person's over `content`."""
        if not _SIGNATURE.fullmatch(signature):
            return False
        try:
            self.public_key.verify(bytes.fromhex(signature), content)
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True)
class Signer:
    """A person with the private key at hand."""

    person: Person
    private_key: Ed25519PrivateKey

    def sign(self, content: bytes) -> str:
        """Return the ed25519 signature (RFC 8032) over `content` as 128 hexadecimal digits."""
        return self.private_key.sign(content).hex()


@dataclass(frozen=True)
class NewKey:
    """A key that was made: whose, where its halves lie, its fingerprint, and whether a passphrase protects it."""

    name: str
    private_file: Path
    public_file: Path
    fingerprint: str
    is_protected: bool

    def describe(self) -> str:
        """Say in a few lines what was written and what to do with it."""
        protection = (
            "" if self.is_protected else f"\nIt has no passphrase: set {PASSPHRASE_VARIABLE} before to give it one."
        )
        return (
            f"private key {self.private_file} (keep it to yourself; nobody can restore it)\n"
            f"public key  {self.public_file} (commit it: whose key lies there may sign)\n"
            f"fingerprint {self.fingerprint}{protection}"
        )


def private_folder(folder: Path | None = None) -> Path:
    """Return `folder`, else the folder that ``WORKBENCH_KEYS`` names, else ``~/.config/workbench/keys``."""
    return folder or Path(os.environ.get(KEYS_VARIABLE) or "~/.config/workbench/keys").expanduser()


def new_key(name: str, criteria_folder: Path, *, keys: Path | None = None) -> NewKey:
    """Make a person's key: the private half for its owner alone, the public half beside the criteria sets.

    Parameters
    ----------
    name
        Person or role, as it will stand in the journal: lower-case letters, digits, ``-`` and ``_``.
    criteria_folder
        Folder of the criteria sets; ``keys/NAME.pub`` is written there.
    keys
        Folder of the private keys; see :func:`private_folder`. ``WORKBENCH_KEY_PASSPHRASE`` protects the key.

    Raises
    ------
    LifecycleError
        The name cannot be used or has a key already, or the private key would lie in the repository of the sets.
    """
    folder = private_folder(keys)
    public_folder = criteria_folder / PUBLIC_FOLDER
    private, public = folder / f"{name}.pem", public_folder / f"{name}.pub"
    _check_new(name, private, public, public_folder / FORMER_FOLDER / f"{name}.pub")
    passphrase = os.environ.get(PASSPHRASE_VARIABLE, "").encode()
    protection: KeySerializationEncryption = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    key = Ed25519PrivateKey.generate()
    _write_private(private, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, protection))
    public.parent.mkdir(parents=True, exist_ok=True)
    write_bytes_atomically(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo), public)
    return NewKey(name, private, public, Person(name, key.public_key()).fingerprint, bool(passphrase))


def _check_new(name: str, private: Path, public: Path, former: Path) -> None:
    if not _NAME.fullmatch(name):
        raise LifecycleError(
            f"{name!r} cannot name a key: write 1 to 64 lower-case letters, digits, '-' and '_', as in 'head-of-risk'."
        )
    for file in (private, public, former):
        if file.exists():
            raise LifecycleError(f"{file} exists: {name!r} has a key. A key is never overwritten; take another name.")
    if (repository := _repository(private)) and repository == _repository(public):
        raise LifecycleError(
            f"{private.parent} lies in the repository {repository}: a private key could be committed with it. Name a "
            f"folder outside with {KEYS_VARIABLE}."
        )


def _repository(file: Path) -> Path | None:
    return next((parent for parent in file.absolute().parents if (parent / ".git").exists()), None)


def _write_private(file: Path, content: bytes) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as target:
            target.write(content)
            target.flush()
            os.fsync(target.fileno())
    except OSError as error:
        raise LifecycleError(
            f"{file} cannot be written: {error.strerror}. Name a folder with {KEYS_VARIABLE}."
        ) from None


def people(criteria_file: Path) -> dict[str, Person]:
    """Return everybody whose signature counts for a criteria set, by name: ``keys/NAME.pub``.

    The public key of somebody who left moves to ``keys/former/``: what it signed still verifies, and it signs no more.

    Raises
    ------
    LifecycleError
        A file in ``keys/`` is no ed25519 public key, or two names share one: nobody could tell who signed.
    """
    folder = without_links(criteria_file).parent / PUBLIC_FOLDER
    found: dict[str, Person] = {}
    owner: dict[str, str] = {}
    for file in [*sorted(folder.glob("*.pub")), *sorted((folder / FORMER_FOLDER).glob("*.pub"))]:
        person = Person(file.stem, _public_key(file), is_former=file.parent != folder)
        if person.name in found:
            raise LifecycleError(
                f"{file}: {person.name!r} is in {folder} too. Who left is in one of them; remove the other."
            )
        if (other := owner.setdefault(person.fingerprint, person.name)) != person.name:
            raise LifecycleError(f"{file} holds the key of {other!r}. Each person has a key of their own; remove one.")
        found[person.name] = person
    return found


def _public_key(file: Path) -> Ed25519PublicKey:
    try:
        key = load_pem_public_key(file.read_bytes())
    except (OSError, ValueError, UnsupportedAlgorithm) as error:
        raise LifecycleError(f"{file} is no public key: {error}. Put it back from the repository's history.") from None
    if not isinstance(key, Ed25519PublicKey):
        raise LifecycleError(f"{file} is no ed25519 key. Make one with: workbench keys new {file.stem}")
    return key


def signer(name: str, known: Mapping[str, Person], *, keys: Path | None = None) -> Signer:
    """Return the person `name` with the private key from the user's folder.

    Raises
    ------
    LifecycleError
        The name or the private key is unknown, the key is not the one whose public half is `known`, others may read
        it, or the passphrase is missing or wrong.
    """
    if name not in known:
        listed = ", ".join(one.name for one in known.values() if not one.is_former) or "nobody"
        raise LifecycleError(
            f"{name!r} is not among those whose signature counts{did_you_mean(name, known)}: {listed}. Make a key "
            f"with: workbench keys new {name}"
        )
    if known[name].is_former:
        raise LifecycleError(f"{name!r} left: the key lies in {PUBLIC_FOLDER}/{FORMER_FOLDER} and signs no more.")
    file = private_folder(keys) / f"{name}.pem"
    key = _private_key(file)
    if Person(name, key.public_key()).fingerprint != known[name].fingerprint:
        raise LifecycleError(
            f"{file} is not the key of {name!r} whose public half lies beside the set. Use the right one."
        )
    return Signer(known[name], key)


def _private_key(file: Path) -> Ed25519PrivateKey:
    try:
        if os.name != "nt" and stat.S_IMODE(file.stat().st_mode) & 0o077:
            raise LifecycleError(f"{file} can be read by others, so it proves nothing. Run: chmod 600 {file}")
        content = file.read_bytes()
    except OSError as error:
        raise LifecycleError(
            f"{file} cannot be read: {error.strerror}. The private key of {file.stem!r} is needed to sign; name its "
            f"folder with {KEYS_VARIABLE}."
        ) from None
    passphrase = os.environ.get(PASSPHRASE_VARIABLE, "").encode() or None
    try:
        # A passphrase that is set for other keys is no fault of a key that has none.
        key = load_pem_private_key(content, passphrase if b"ENCRYPTED" in content else None)
    except (TypeError, ValueError, UnsupportedAlgorithm):
        state = "wrong" if passphrase else "missing"
        raise LifecycleError(
            f"{file} could not be opened: it is damaged, or the passphrase in {PASSPHRASE_VARIABLE} is {state}."
        ) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise LifecycleError(f"{file} is no ed25519 key. Make one with: workbench keys new NAME")
    return key
