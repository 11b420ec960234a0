/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Packet protection, RFC 9001 §5 and §6: keys of each level and direction,
 * header protection, key update, AEAD limits, and the Retry integrity tag.
 * The levels are the uapi's: APP 0, INITIAL 1, HANDSHAKE 2, EARLY 3.
 *
 * Installing and preparing keys may sleep (process context); sealing, opening
 * and flipping to a prepared phase never do.
 */
#ifndef _QUIC_KEYS_H
#define _QUIC_KEYS_H

#include "crypto.h"
#include "hdr.h"

struct quic_key {
	struct quic_aead *aead;		/* NULL: no key */
	u8 iv[QUIC_IV_LEN];
	u32 used;			/* packets sealed under it; stops at U32_MAX */
};

/* One direction of one level. */
struct quic_dir {
	struct quic_key cur;
	struct quic_hp *hp;		/* one for all phases, RFC 9001 §6 */
	const struct quic_cipher_info *info;
};

/*
 * What only the handshake needs, so that an established connection does not
 * carry it: levels INITIAL, HANDSHAKE and EARLY, in the order of the uapi.
 */
struct quic_keys_early {
	struct quic_dir rx[QUIC_CRYPTO_MAX - 1], tx[QUIC_CRYPTO_MAX - 1];
};

struct quic_keys {
	const struct quic_crypto_ops *ops;
	u32 version;			/* labels: RFC 9001 or RFC 9369 §3.3 */
	u32 cipher;			/* of APP: TLS_CIPHER_*; 0: not known yet */
	bool plain;			/* 1-RTT packets go unprotected */
	u8 had_rx, had_tx;		/* bit per level: a secret was installed */
	struct quic_dir rx, tx;		/* APP */
	struct quic_keys_early *early;	/* NULL: none of these keys is live */
	/* 1-RTT key update, RFC 9001 §6 */
	bool phase;			/* the current key phase bit, both directions */
	bool prepared;			/* rx_next and tx_next are ready */
	bool update_unacked;		/* no packet of an updated phase acknowledged yet (§6.1) */
	struct quic_key rx_next, tx_next, rx_prev;
	u8 rx_secret[QUIC_SECRET_MAX];	/* of the newest prepared phase */
	u8 tx_secret[QUIC_SECRET_MAX];
	u64 phase_first_tx;		/* first packet number sent in this phase */
	u64 phase_first_rx;		/* lowest and highest packet number opened in this */
	u64 phase_last_rx;		/* phase; first > last: none yet */
	u64 next_first_rx;		/* opened with rx_next; QUIC_TIME_NEVER: none */
	u64 prev_last_rx;		/* highest opened in an earlier phase, plus one */
	u64 prev_drop;			/* when rx_prev (§6.5) and EARLY keys go (§4.9.3) */
	u64 forged;			/* packets that did not open, all keys (§6.6) */
};

void quic_keys_init(struct quic_keys *k, const struct quic_crypto_ops *ops, u32 version);
void quic_keys_free(struct quic_keys *k);	/* any context; wipes secrets */

/*
 * RFC 9001 §5.2, RFC 9369 §3.3.1; replaces earlier Initial keys and sets the
 * version (after Retry, or when the peers move to another version).  On
 * failure all stays as it was: -EINVAL: unknown version;
 * -EEXIST: the level was dropped; -ENOMEM.  May sleep.
 */
int quic_keys_set_initial(struct quic_keys *k, u32 version,
			  const struct quic_cid *dcid, bool server);
/*
 * Install a traffic secret. May sleep.  -EINVAL: unknown cipher or level, or
 * another cipher than the other direction's; -EEXIST: that key was installed
 * (or dropped) before.  Does not keep @secret except what APP key updates need.
 */
int quic_keys_set_secret(struct quic_keys *k, u8 level, bool send, u32 cipher,
			 const u8 *secret);
bool quic_keys_have(const struct quic_keys *k, u8 level, bool send);
void quic_keys_drop(struct quic_keys *k, u8 level);	/* for good; any context */

/*
 * Protect a packet in place: @pkt holds the header, @hdr_len bytes with the
 * packet number at @pn_off in @pn_len bytes; @src is the plaintext, which is
 * sealed to @pkt + @hdr_len; then header protection goes on.  @pkt has room
 * for hdr_len + plaintext + tag.  Plaintext and pn_len together are at least
 * 4 bytes (RFC 9001 §5.4.2), the header carries the current key phase bit.
 * A single piece of @src may be there already, at @pkt + @hdr_len.
 * Returns the packet's length or a negative errno: -ENOKEY; -EINVAL: shorter
 * than that; -EKEYEXPIRED: AEAD limit reached, update keys or close (§6.6).
 */
int quic_keys_seal(struct quic_keys *k, u8 level, u64 pn, u8 *pkt, u32 hdr_len,
		   u32 pn_off, u8 pn_len, const struct quic_vec *src, unsigned int nsrc);
/* Bytes that protection adds: 16, or 0 for unprotected 1-RTT. */
static inline u32 quic_keys_overhead(const struct quic_keys *k, u8 level)
{
	return k->plain && level == QUIC_CRYPTO_APP ? 0 : QUIC_TAG_LEN;
}

/* A received packet with its header laid open. */
struct quic_opened {
	u64 pn;
	u8 first;		/* first byte without protection */
	u8 pn_len;
	bool next_phase;	/* opened (only) with rx_next: the peer updated keys */
	const u8 *payload;	/* plaintext: @dst, or inside the packet if plain */
	u32 payload_len;
};

/*
 * Unprotect the packet at @pkt (described by @h; nothing is written to it).
 * @dst has room for h->len bytes, all of which may be written; it is not
 * touched for plain packets.  @largest: largest packet number received in its
 * space, -1 none.  0; -ENOKEY: no key at this level (yet, or any more);
 * -EBADMSG: does not verify: drop; -EAGAIN: other phase, but the next one is
 * not prepared: drop, and prepare; -EPROTO: verified, but reserved bits are
 * set (RFC 9000 §17.2: PROTOCOL_VIOLATION); -EKEYREJECTED: verified, but with
 * keys older than those of a lower packet number (KEY_UPDATE_ERROR, RFC 9001
 * §6.4); -EKEYEXPIRED: forgery limit reached (AEAD_LIMIT_REACHED).
 * On success with o->next_phase the caller calls quic_keys_flip().
 * Chooses rx_prev, cur or rx_next by key phase and packet number (§6.3, §6.5).
 */
int quic_keys_open(struct quic_keys *k, u8 level, const u8 *pkt,
		   const struct quic_hdr *h, s64 largest, u8 *dst,
		   struct quic_opened *o);

/* Derive the keys of the next phase if they are not there. May sleep. */
int quic_keys_prepare(struct quic_keys *k);
/*
 * To the next phase, both directions (we initiated, or answer the peer's): cur
 * becomes prev until @drop_prev_at, and longer until a packet of the new phase
 * was opened (§6.1); 'prepared' turns false.  @next_tx_pn: the next packet
 * number to send.  -EAGAIN: not prepared; never sleeps.
 */
int quic_keys_flip(struct quic_keys *k, u64 next_tx_pn, u64 drop_prev_at);
/*
 * May we initiate?  §6.1: an earlier update must be acknowledged; that the
 * handshake is confirmed is the caller's to check.
 */
bool quic_keys_may_update(const struct quic_keys *k);
/* An ACK covered @pn in the APP space: does it confirm the phase (§6.1, §6.2)? */
void quic_keys_acked(struct quic_keys *k, u64 pn);
/* Nearing the seal limit: time to update (true in the last 1/16). */
bool quic_keys_wants_update(const struct quic_keys *k);
/* Packets that can be sealed until that changes; or, if it is time, in all. */
u64 quic_keys_left(const struct quic_keys *k);
/* Drop rx_prev and EARLY keys when @now is past prev_drop. Any context. */
void quic_keys_timeout(struct quic_keys *k, u64 now);

/*
 * RFC 9001 §5.8, RFC 9369 §3.3.3: the tag of a Retry packet @pkt of @len bytes
 * (without tag), for @odcid.  The key is a constant of the version: who makes
 * many Retries keeps one and seals with it in any context; the one-shot, which
 * makes a key and throws it away, may sleep.
 */
struct quic_aead *quic_keys_retry_key(const struct quic_crypto_ops *ops, u32 version);
int quic_keys_retry_seal(const struct quic_crypto_ops *ops, struct quic_aead *key, u32 version,
			 const struct quic_cid *odcid, const u8 *pkt, u32 len,
			 u8 tag[QUIC_TAG_LEN]);
int quic_keys_retry_tag(const struct quic_crypto_ops *ops, u32 version,
			const struct quic_cid *odcid, const u8 *pkt, u32 len,
			u8 tag[QUIC_TAG_LEN]);

#endif /* _QUIC_KEYS_H */
