// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * struct quic_crypto_ops on the kernel's crypto API.
 *
 * AES-GCM: on x86 the implementation that "gcm(aes)" gives wraps the fast one,
 * "__gcm(aes)", so that it can go asynchronous when vector registers cannot be
 * used.  Asking for a synchronous one would give a slow one; so we take the
 * inner one itself and ask quic_crypt_usable() before.  It is synchronous: an
 * operation is over when it returns, its request can live in shared memory, and
 * a key costs one transform instead of three.  Where there
 * is no "__gcm(aes)" (other machines; kernels whose wrapper is gone) and for
 * the other ciphers, the best synchronous implementation is taken; those fall
 * back by themselves when they must.
 *
 * Requests, scatterlists, and the copy of the associated data are per CPU, not
 * per key: an idle connection then carries no scratch memory (a request is half
 * a kilobyte), and with bottom halves off nobody else uses the CPU's.  They are
 * kmalloc'ed, because per-CPU memory may be vmalloc'ed, which a scatterlist
 * cannot name.
 *
 * Sealing copies the plaintext to its place and encrypts there: a gather of odd
 * lengths costs the scatterlist walkers an allocation per seam, which is dearer
 * than the copy.  Opening goes from the packet to its destination in one pass.
 *
 * HMAC is made of the unkeyed hash, whose transform has no state: one per hash
 * serves all connections, in any context, without a lock.  Header protection
 * uses the library ciphers; a key keeps only the encryption schedule.
 */
#include <crypto/aead.h>
#include <crypto/aes.h>
#include <crypto/hash.h>
#include <crypto/internal/simd.h>
#include <linux/kmod.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/scatterlist.h>
#include <asm/simd.h>

#include "compat.h"
#include "crypt.h"
#include "core/crypto_test_ops.h"

#define REQUEST_MAX	2048	/* a request with what its implementation needs behind it */
#define AAD_MAX		128	/* copied; longer ones (an Initial with a token) are allocated */
#define CCM_L		3	/* RFC 3610 §2: 15 - 12 bytes of nonce */

struct quic_aead {
	struct crypto_aead *tfm;
	bool simd;		/* see quic_crypt_usable() */
};

struct quic_hp {
	u32 key_len;
	bool chacha;
	u32 key[];		/* AES: the encryption schedule; ChaCha20: the key */
};

struct scratch {
	struct scatterlist src[2];
	struct scatterlist dst[2];
	u8 iv[16];
	u8 aad[AAD_MAX];
	u8 request[REQUEST_MAX] __aligned(CRYPTO_MINALIGN);
};

static DEFINE_PER_CPU(struct scratch *, scratch);

struct suite {
	const char *name;
	u8 key_len;
};

static const struct suite suites[] = {
	[TLS_CIPHER_AES_GCM_128 - TLS_CIPHER_AES_GCM_128] = { "gcm(aes)", 16 },
	[TLS_CIPHER_AES_GCM_256 - TLS_CIPHER_AES_GCM_128] = { "gcm(aes)", 32 },
	[TLS_CIPHER_AES_CCM_128 - TLS_CIPHER_AES_GCM_128] = { "ccm(aes)", 16 },
	[TLS_CIPHER_CHACHA20_POLY1305 - TLS_CIPHER_AES_GCM_128] = {
		"rfc7539(chacha20,poly1305)", 32
	},
};

static bool inner_gcm __read_mostly;	/* there is a "__gcm(aes)" */
static struct crypto_shash *hashes[2];

static const struct suite *find_suite(u32 cipher)
{
	u32 i = cipher - TLS_CIPHER_AES_GCM_128;

	return i < ARRAY_SIZE(suites) && suites[i].name ? &suites[i] : NULL;
}

bool quic_crypt_usable(void)
{
	return !inner_gcm || crypto_simd_usable();
}

/* The mask keeps off cryptd's wrapper, which has the same name and more priority. */
static struct crypto_aead *alloc_inner_gcm(void)
{
	return crypto_alloc_aead("__gcm(aes)", CRYPTO_ALG_INTERNAL,
				 CRYPTO_ALG_INTERNAL | CRYPTO_ALG_ASYNC);
}

static int set_up(struct quic_aead *a, const struct suite *s, const u8 *key)
{
	int err;

	if (WARN_ON_ONCE(sizeof(struct aead_request) + crypto_aead_reqsize(a->tfm) > REQUEST_MAX))
		return -EOPNOTSUPP;
	err = crypto_aead_setauthsize(a->tfm, QUIC_TAG_LEN);
	return err ?: crypto_aead_setkey(a->tfm, key, s->key_len);
}

static struct quic_aead *aead_new(u32 cipher, const u8 *key)
{
	const struct suite *s = find_suite(cipher);
	struct quic_aead *a;
	int err;

	if (!s)
		return ERR_PTR(-EINVAL);
	a = kzalloc(sizeof(*a), GFP_KERNEL);
	if (!a)
		return ERR_PTR(-ENOMEM);
	a->simd = inner_gcm && !strcmp(s->name, "gcm(aes)");
	a->tfm = a->simd ? alloc_inner_gcm() : crypto_alloc_aead(s->name, 0, CRYPTO_ALG_ASYNC);
	err = PTR_ERR_OR_ZERO(a->tfm);
	if (err)
		goto free;
	err = set_up(a, s, key);
	if (!err)
		return a;
	crypto_free_aead(a->tfm);
free:
	kfree(a);
	return ERR_PTR(err);
}

static void aead_free(struct quic_aead *a)
{
	if (!a)
		return;
	crypto_free_aead(a->tfm);
	kfree(a);
}

/* One or two pieces, none of them empty. */
static void set_pieces(struct scatterlist sg[2], const u8 *aad, u32 aad_len, const u8 *p, u32 len)
{
	unsigned int n = 0;

	sg_init_table(sg, 2);
	if (aad_len)
		sg_set_buf(&sg[n++], aad, aad_len);
	if (len)
		sg_set_buf(&sg[n++], p, len);
	if (n == 1)
		sg_mark_end(&sg[0]);
}

/* CCM takes the whole first block, RFC 3610 §2.3; the others the nonce as it is. */
static void set_iv(struct scratch *s, const struct quic_aead *a, const u8 *nonce)
{
	if (crypto_aead_ivsize(a->tfm) == QUIC_IV_LEN) {
		memcpy(s->iv, nonce, QUIC_IV_LEN);
		return;
	}
	s->iv[0] = CCM_L - 1;
	memcpy(s->iv + 1, nonce, QUIC_IV_LEN);
	memset(s->iv + 1 + QUIC_IV_LEN, 0, CCM_L);
}

/* What both directions have in common; bottom halves are off. */
struct operation {
	struct quic_aead *a;
	const u8 *nonce, *aad;
	u32 aad_len;
	const u8 *src;
	u8 *dst;
	u32 len;		/* as the crypto API counts it */
	u32 dst_len;		/* bytes written to dst */
	int (*run)(struct aead_request *req);
};

static int operate(struct scratch *s, const struct operation *op)
{
	struct aead_request *req = (struct aead_request *)s->request;
	struct scatterlist *dst = s->src;

	set_iv(s, op->a, op->nonce);
	set_pieces(s->src, op->aad, op->aad_len, op->src, max(op->len, op->dst_len));
	if (op->src != op->dst) {
		dst = s->dst;
		set_pieces(dst, op->aad, op->aad_len, op->dst, op->dst_len);
	}
	aead_request_set_tfm(req, op->a->tfm);
	aead_request_set_callback(req, 0, NULL, NULL);
	aead_request_set_crypt(req, s->src, dst, op->len, s->iv);
	aead_request_set_ad(req, op->aad_len);
	return op->run(req);
}

/* The associated data where a scatterlist can name it. */
static int place_aad(struct scratch *s, struct operation *op, u8 **big)
{
	u8 *to = s->aad;

	if (op->aad_len > AAD_MAX) {
		*big = kmalloc(op->aad_len, GFP_ATOMIC);
		if (!*big)
			return -ENOMEM;
		to = *big;
	}
	op->aad = memcpy(to, op->aad, op->aad_len);
	return 0;
}

static int run(struct operation *op)
{
	struct scratch *s;
	u8 *big = NULL;
	int err;

	local_bh_disable();
	if (op->a->simd && WARN_ON_ONCE(!crypto_simd_usable())) {
		local_bh_enable();
		return -EBUSY;
	}
	s = this_cpu_read(scratch);
	err = place_aad(s, op, &big);
	if (!err)
		err = operate(s, op);
	kfree(big);
	local_bh_enable();
	/* A synchronous implementation must not do that. */
	WARN_ON_ONCE(err == -EINPROGRESS);
	return err;
}

static int seal(struct quic_aead *a, const u8 *nonce, const u8 *aad, u32 aad_len,
		const struct quic_vec *src, unsigned int nsrc, u8 *dst)
{
	struct operation op = {
		.a = a, .nonce = nonce, .aad = aad, .aad_len = aad_len,
		.src = dst, .dst = dst, .run = crypto_aead_encrypt,
	};

	for (; nsrc--; src++) {
		if (src->base != dst + op.len)
			memcpy(dst + op.len, src->base, src->len);
		op.len += src->len;
	}
	op.dst_len = op.len + QUIC_TAG_LEN;
	return run(&op);
}

static int open(struct quic_aead *a, const u8 *nonce, const u8 *aad, u32 aad_len,
		const u8 *src, u32 len, u8 *dst)
{
	struct operation op = {
		.a = a, .nonce = nonce, .aad = aad, .aad_len = aad_len,
		.src = src, .dst = dst, .len = len, .run = crypto_aead_decrypt,
	};

	if (len < QUIC_TAG_LEN)
		return -EBADMSG;
	op.dst_len = len - QUIC_TAG_LEN;
	return run(&op);
}

/* ---- header protection ---- */

static void hp_free(struct quic_hp *h)
{
	kfree_sensitive(h);
}

static struct quic_hp *hp_alloc(u32 key_len, u32 bytes)
{
	struct quic_hp *h = kmalloc(struct_size(h, key, bytes / sizeof(u32)), GFP_KERNEL);

	if (h)
		h->key_len = key_len;
	return h;
}

static struct quic_hp *hp_new_chacha(const u8 *key)
{
	struct quic_hp *h = hp_alloc(32, 32);
	unsigned int i;

	if (!h)
		return ERR_PTR(-ENOMEM);
	h->chacha = true;
	for (i = 0; i < 8; i++)
		h->key[i] = get_unaligned_le32(key + 4 * i);
	return h;
}

/* FIPS 197 §5.2: so many round keys are used of the schedule */
static u32 schedule_len(u32 key_len)
{
	return (key_len / 4 + 7) * AES_BLOCK_SIZE;
}

static struct quic_hp *hp_new(u32 cipher, const u8 *key)
{
	const struct suite *s = find_suite(cipher);
	struct crypto_aes_ctx aes;
	struct quic_hp *h;

	if (!s)
		return ERR_PTR(-EINVAL);
	if (cipher == TLS_CIPHER_CHACHA20_POLY1305)
		return hp_new_chacha(key);
	h = hp_alloc(s->key_len, schedule_len(s->key_len));
	if (!h)
		return ERR_PTR(-ENOMEM);
	h->chacha = false;
	aes_expandkey(&aes, key, s->key_len);
	memcpy(h->key, aes.key_enc, schedule_len(s->key_len));
	memzero_explicit(&aes, sizeof(aes));
	return h;
}

/* RFC 9001 §5.4.3 */
static void aes_mask(const struct quic_hp *h, const u8 *sample, u8 *block)
{
	u32 len = schedule_len(h->key_len);
	struct crypto_aes_ctx aes;

	memcpy(aes.key_enc, h->key, len);
	aes.key_length = h->key_len;
	aes_encrypt(&aes, block, sample);
	memzero_explicit(aes.key_enc, len);
}

/* RFC 9001 §5.4.4: the sample is counter and nonce */
static void chacha_mask(const struct quic_hp *h, const u8 *sample, u8 *block)
{
	u32 state[16] = { 0x61707865, 0x3320646e, 0x79622d32, 0x6b206574 };
	unsigned int i;

	memcpy(state + 4, h->key, 32);
	for (i = 0; i < 4; i++)
		state[12 + i] = get_unaligned_le32(sample + 4 * i);
	quic_chacha20_block(state, block);
	memzero_explicit(state, sizeof(state));
}

static void hp_mask(struct quic_hp *h, const u8 *sample, u8 mask[QUIC_HP_MASK_LEN])
{
	u8 block[64] __aligned(4);

	if (h->chacha)
		chacha_mask(h, sample, block);
	else
		aes_mask(h, sample, block);
	memcpy(mask, block, QUIC_HP_MASK_LEN);
}

/* ---- HMAC, RFC 2104 ---- */

static int hash_pad(struct shash_desc *desc, const u8 *key, u32 keylen, u8 pad)
{
	u8 block[128];		/* of the hash: 64 or 128 bytes */
	u32 i, len = crypto_shash_blocksize(desc->tfm);
	int err;

	memset(block, pad, len);
	for (i = 0; i < keylen; i++)
		block[i] ^= key[i];
	err = crypto_shash_init(desc) ?: crypto_shash_update(desc, block, len);
	memzero_explicit(block, sizeof(block));
	return err;
}

static int hmac(enum quic_hash hash, const u8 *key, u32 keylen,
		const struct quic_vec *vec, unsigned int nvec, u8 *out)
{
	SHASH_DESC_ON_STACK(desc, hashes[hash]);
	int err;

	desc->tfm = hashes[hash];
	/* A longer key would have to be hashed first; QUIC has none. */
	if (WARN_ON_ONCE(keylen > crypto_shash_blocksize(desc->tfm)))
		return -EINVAL;
	err = hash_pad(desc, key, keylen, 0x36);
	for (; !err && nvec--; vec++)
		err = crypto_shash_update(desc, vec->base, vec->len);
	err = err ?: crypto_shash_final(desc, out);
	err = err ?: hash_pad(desc, key, keylen, 0x5c);
	err = err ?: crypto_shash_finup(desc, out, crypto_shash_digestsize(desc->tfm), out);
	shash_desc_zero(desc);
	return err;
}

const struct quic_crypto_ops quic_kernel_crypto = {
	.aead_new	= aead_new,
	.aead_free	= aead_free,
	.hp_new		= hp_new,
	.hp_free	= hp_free,
	.hmac		= hmac,
	.seal		= seal,
	.open		= open,
	.hp_mask	= hp_mask,
};

const struct quic_crypto_ops *quic_test_crypto(void)
{
	return &quic_kernel_crypto;
}

/* ---- life ---- */

/*
 * Is there an inner AES-GCM?  The module that has it is loaded by its CPU's
 * alias at boot, normally; if it was not yet, ask for whatever has AES.
 */
static bool find_inner_gcm(void)
{
	struct crypto_aead *tfm = alloc_inner_gcm();

	if (IS_ERR(tfm)) {
		request_module("crypto-aes");
		tfm = alloc_inner_gcm();
	}
	if (IS_ERR(tfm))
		return false;
	crypto_free_aead(tfm);
	return true;
}

static int alloc_scratch(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct scratch *s = kzalloc_node(sizeof(*s), GFP_KERNEL, cpu_to_node(cpu));

		if (!s)
			return -ENOMEM;
		per_cpu(scratch, cpu) = s;
	}
	return 0;
}

static int alloc_hashes(void)
{
	static const char *const names[] = {
		[QUIC_HASH_SHA256] = "sha256", [QUIC_HASH_SHA384] = "sha384",
	};
	struct crypto_shash *tfm;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		tfm = crypto_alloc_shash(names[i], 0, 0);
		if (IS_ERR(tfm))
			return PTR_ERR(tfm);
		hashes[i] = tfm;
	}
	return 0;
}

int __init quic_crypt_init(void)
{
	int err = alloc_scratch();

	err = err ?: alloc_hashes();
	if (err) {
		quic_crypt_exit();
		return err;
	}
	inner_gcm = find_inner_gcm();
	return 0;
}

void quic_crypt_exit(void)
{
	unsigned int i;
	int cpu;

	for (i = 0; i < ARRAY_SIZE(hashes); i++) {
		if (hashes[i])
			crypto_free_shash(hashes[i]);
		hashes[i] = NULL;
	}
	for_each_possible_cpu(cpu) {
		kfree_sensitive(per_cpu(scratch, cpu));
		per_cpu(scratch, cpu) = NULL;
	}
}
