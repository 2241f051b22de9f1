"""The privacy statement: what was promised to whom, in plain English and Chinese.

The questions follow NIST SP 800-226 (2025), *Guidelines for Evaluating Differential Privacy Guarantees*: unit,
neighbouring relation, parameters, what is public, what was trusted, what is not covered.
"""

from __future__ import annotations

import math

from models.privacy.errors import PrivacyError
from models.values.evidence import PrivacyClaim
from models.values.percent import percent_at_most

_ENGLISH = """\
Who is protected: one {unit}, with everything they contributed. {neighbours}
How strong: (epsilon, delta) = ({epsilon:.3f}, {delta:.1e}) by the privacy loss distribution. An independent check \
by Renyi DP gives {epsilon_rdp:.3f}. Would an attacker know in which steps somebody took part, it would be \
{epsilon_unamplified:.3f}.{exception}
What that means: whoever sees the model and knows all other {unit}s, and at first holds it for equally likely that \
somebody took part, is right about it with a chance of at most {posterior} % (but for the {delta:.1e}).
What ran: {ran}, from {noise_source}.{chosen}{beside}
What is public: the model's form and initial weights, the numbers above, the number of {unit}s up to a bound.
{limits_title} {limits}
"""
_CHINESE = """\
保护对象：一位客户及其贡献的全部数据。{neighbours}
保护强度：按隐私损失分布计算，(epsilon, delta) = ({epsilon:.3f}, {delta:.1e})。用 Renyi 差分隐私独立核对得 \
{epsilon_rdp:.3f}。若攻击者知道某人参与了哪些步骤，则为 {epsilon_unamplified:.3f}。{exception}
含义：看到模型、知道其他所有客户、并且起初认为某人是否参与各占一半的人，判断正确的机会最多为 {posterior} %\
（概率 {delta:.1e} 的情形除外）。
实际运行：{ran}，来源：{noise_source}。{chosen}{beside}
公开的内容：模型结构与初始权重、以上数字、客户数量的上界。
{limits_title}{limits}
"""
_EXCEPTION = {"en": "\nException: delta exceeds 1/(10 N): {}", "zh": "\n例外：delta 大于 1/(10 N)：{}"}
_CLIPPED = {
    "en": {
        "flat": "clipped the whole contribution of one {unit} to norm {clipping_norm:g} and added Gaussian noise of "
        "{noise_multiplier:g} times that",
        "per-layer": "clipped the contribution of one {unit} to each of {clipping_groups} layers by itself, the whole "
        "thereby to norm {clipping_norm:g}, and added Gaussian noise of {noise_multiplier:g} times that",
        "adaptive": "clipped the whole contribution of one {unit} to a norm, at most {clipping_norm:g}, that follows "
        "quantile {clipping_quantile:g} of the {unit}s' norms, and added Gaussian noise to the sum and to the count of "
        "norms below it, together of {noise_multiplier:g} times what one {unit} can move",
    },
    "zh": {
        "flat": "将一位客户的全部贡献裁剪到范数 {clipping_norm:g}，并加入标准差为其 {noise_multiplier:g} 倍的高斯噪声",
        "per-layer": "将一位客户对 {clipping_groups} 个层的贡献逐层裁剪，使其全部贡献的范数不超过 {clipping_norm:g}，"
        "并加入标准差为其 {noise_multiplier:g} 倍的高斯噪声",
        "adaptive": "将一位客户的全部贡献裁剪到一个跟随客户范数 {clipping_quantile:g} 分位数的范数（不超过 "
        "{clipping_norm:g}），并对总和以及低于该范数的人数加入高斯噪声，两者合计相当于一位客户影响的 "
        "{noise_multiplier:g} 倍",
    },
}
_NEIGHBOURS = {
    "en": {
        False: "Neighbouring data sets differ by adding or removing one {unit}; replacing one costs as much as a group "
        "of two.",
        True: "Neighbouring streams differ by one {unit}, whose contributions are replaced by zeros.",
    },
    "zh": {
        False: "相邻数据集相差一位客户（增加或删除）；替换一位客户相当于两人一组。",
        True: "相邻数据流相差一位客户，其贡献被替换为零。",
    },
}
_RAN = {
    "en": {
        False: "{steps} steps; each drew every {unit} with probability {sampling_rate:.5f} ({sampler}), {clipped}",
        True: "{steps} steps over a stream ({sampler}); a {unit} took part in at most {participations} of them; each "
        "{clipped} for every node of a tree over the steps",
    },
    "zh": {
        False: "{steps} 步；每步以概率 {sampling_rate:.5f} 独立抽取每位客户（泊松抽样），{clipped}",
        True: "数据流上的 {steps} 步（按到达顺序，无抽样放大）；每位客户最多参与 {participations} 步；每步{clipped}"
        "（步骤之上的树的每个节点各一份）",
    },
}
_CHOSEN = {
    "en": " At most {cap} examples of one {unit} were used; this number was chosen from the data (quantile "
    "{cap_quantile:g}) by a mechanism of epsilon {cap_epsilon:g}, which is part of the epsilon above.",
    "zh": "每位客户最多使用 {cap} 条样本；该上限由数据以 epsilon {cap_epsilon:g} 的机制选出（分位数 "
    "{cap_quantile:g}），其开销已计入上述 epsilon。",
}
_BESIDE = {
    "en": " Before it, sums over all {unit}s ({names}) were released with noise, each {unit}'s part clipped; they are "
    "within the epsilon above.",
    "zh": "此前以加噪方式发布了对所有客户的求和（{names}），每位客户的部分均经裁剪；其开销已计入上述 epsilon。",
}
_LIMITS = {
    "en": ("Known limits:", None),
    "zh": (
        "已知局限：",
        "噪声为浮点数，不排除针对其最低位的攻击（Mironov 2012）；裁剪以单精度计算，范数的相对误差约为 1e-6；"
        "一步所用时间取决于抽到的客户数。",
    ),
}


def statement(claim: PrivacyClaim, language: str = "en") -> str:
    """The statement of a claim. Raises PrivacyError for a language other than en and zh."""
    if language not in _LIMITS:
        raise PrivacyError(f"there is no privacy statement in {language!r}; en and zh are known")
    title, limits = _LIMITS[language]
    reason = claim.delta_exception
    known = claim.model_dump()
    stream = claim.participations is not None
    known["clipped"] = _CLIPPED[language][claim.clipping].format(**known)
    facts = known | {
        "neighbours": _NEIGHBOURS[language][stream].format(**known),
        "ran": _RAN[language][stream].format(**known),
        "chosen": "" if claim.cap is None else _CHOSEN[language].format(**known),
        "beside": _beside(claim, language),
        "exception": "" if reason is None else _EXCEPTION[language].format(reason),
        "posterior": percent_at_most(1 / (1 + math.exp(-claim.epsilon))),
        "limits_title": title,
        "limits": limits or " ".join(claim.known_limits),
    }
    return (_ENGLISH if language == "en" else _CHINESE).format(**facts)


def _beside(claim: PrivacyClaim, language: str) -> str:
    names = ", ".join(claim.statistics)
    return _BESIDE[language].format(names=names, unit=claim.unit) if names else ""
