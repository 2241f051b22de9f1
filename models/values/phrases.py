"""Phrases: the sentences that checks, claims and audits hold in English, said in another language.

Manifests and evidence keep one wording, in English. A page in another language says the same by rule and
threshold: names, numbers and codes pass as they are. What is not in this table is not guessed.
"""

from __future__ import annotations

import re
from functools import cache

from models.values.language import Language

_ZH: tuple[tuple[str, str], ...] = (
    # the gate's rules: kinds, sentences, thresholds
    (r"columns", "列"),
    (r"not empty", "非空"),
    (r"rows", "行数"),
    (r"suppression", "抑制比例"),
    (r"pseudonym form", "假名形式"),
    (r"pseudonym spread", "假名分布"),
    (r"no gaps", "无缺失"),
    (r"k-anonymity", "k-匿名"),
    (r"l-diversity", "l-多样性"),
    (r"bands", "分段"),
    (r"identifier patterns", "标识符模式"),
    (r"raw identifiers", "原始标识符"),
    (r"exactly the planned columns, of plain types", "恰好为计划中的列，且均为基本类型"),
    (r"the table has rows", "表中有数据行"),
    (r"as many rows as the parent table allows", "行数符合上游表所允许的数量"),
    (r"every row that is allowed arrived, and no other", "允许使用的每一行均已到达，且没有多余的行"),
    (r"those of the parent table less the suppressed ones", "等于上游表的行数减去被抑制的行数"),
    (r"not too many rows were suppressed", "被抑制的行不超过上限"),
    (r"column (\S+) has the type UUID", "列 {0} 的类型为 UUID"),
    (r"the pseudonyms of column (\S+) look random", "列 {0} 的假名呈随机分布"),
    (r"column (\S+) has no missing value", "列 {0} 没有缺失值"),
    (r"every class of equal quasi-identifiers is large enough", "准标识符取值相同的每个等价类都足够大"),
    (r"every class has enough different values of column (\S+)", "每个等价类中列 {0} 的不同取值都足够多"),
    (r"column (\S+) holds only the bands of the spec", "列 {0} 只含规格中定义的分段"),
    (r"nothing in column (\S+) looks like an identifier", "列 {0} 中没有形似标识符的内容"),
    (r"no raw identifier of a customer is in column (\S+)", "列 {0} 中没有任何客户的原始标识符"),
    (r"needs a share <= (\S+)", "要求比例 ≤ {0}"),
    (r"first bytes near uniform, from (\S+) pseudonyms on", "首字节接近均匀分布，自 {0} 个假名起检查"),
    (r"needs k >= (\d+) over the whole table", "要求 k ≥ {0}，对整张表"),
    (r"needs k >= (\d+) over (.+)", "要求 k ≥ {0}，准标识符：{1}"),
    (r"needs k >= (\d+)", "要求 k ≥ {0}"),
    (r"needs l >= (\d+)", "要求 l ≥ {0}"),
    (r"looked for (.+)", "已查找：{0}"),
    (r"needs (.+)", "要求：{0}"),
    (r"could not be evaluated", "无法评估"),
    # why a model may not be champion
    (r"the gate did not pass", "门禁未通过"),
    (r"the run log differs from the plan", "运行日志与计划不一致"),
    (r"the claimed epsilon is above the target", "声明的 ε 高于目标值"),
    (r"the audit proves more leakage than claimed", "审计证明的泄露超过所声明的上限"),
    (r"the utility is not clearly above the baseline", "效用没有明显高于基线"),
    (r"the budget was not committed", "隐私预算未确认扣除"),
    # the claim and its mechanism
    (r"customer", "客户"),
    (r"add_or_remove_one", "增加或删除一位客户的全部数据"),
    (r"poisson", "泊松采样：每一步独立决定每位客户是否被抽中"),
    (
        r"AES-256-CTR keystream, key from os\.urandom",
        "AES-256-CTR 密钥流，密钥取自操作系统的随机源（os.urandom）",
    ),
    (
        r"Philox 4x64-10 \(not cryptographic\), key from os\.urandom",
        "Philox 4x64-10 伪随机数发生器（非密码学安全），密钥取自操作系统的随机源（os.urandom）",
    ),
    (
        r"The noise is a Gaussian in float32 \(Box-Muller on (\d+) and (\d+) random bits\), added in float32: "
        r"floating-point attacks on its last bits \(Mironov 2012\) are not excluded; it is bounded to (\S+) "
        r"standard deviations\.",
        "噪声是 float32 精度的高斯噪声（Box-Muller 变换，取自 {0} 与 {1} 个随机比特），以 float32 相加："
        "不能排除针对其末位比特的浮点攻击（Mironov 2012）；噪声不超过 {2} 个标准差。",
    ),
    (
        r"Clipping is in float32: a customer's norm may exceed the clipping norm by a relative (\S+)\.",
        "裁剪以 float32 计算：单个客户的范数可能超出裁剪范数，相对误差不超过 {0}。",
    ),
    (
        r"The time that a step takes depends on how many customers were sampled\.",
        "每一步的耗时取决于被抽中的客户数量。",
    ),
    (
        r"accountant on the run's log, privacy loss distribution",
        "依据运行日志核算，采用隐私损失分布（PLD）方法",
    ),
    (r"the same log, Rényi accountant: a check", "依据同一日志，采用 Rényi 差分隐私核算，用于核对"),
    (r"the same log, without subsampling", "依据同一日志，不计子采样带来的隐私放大"),
    (r"public upper bound of the number of customers", "客户数量的公开上界"),
    (r"spent on test customers only", "仅消耗在测试客户上"),
    (
        r"mixture of Gaussians over how many of the group are drawn \(Ganesh 2024\)",
        "按该组中被抽中的客户数构成的高斯混合计算（Ganesh 2024）",
    ),
    # utility and audit
    (
        r"noised histograms of scores of test customers, epsilon (\S+), delta (\S+)",
        "测试客户得分的加噪直方图，ε = {0}，δ = {1}",
    ),
    (
        r"exact on test customers, bootstrap over customers \(households where known\)",
        "在测试客户上精确计算，按客户（已知时按家庭）自助抽样",
    ),
    (r"the same score for every order", "对每个订单给出相同得分"),
    (r"loss threshold per customer", "按客户损失阈值的成员推断攻击"),
    (r"loss threshold, DeLong's interval", "损失阈值，DeLong 置信区间"),
    (
        r"Clopper-Pearson, threshold on the same non-members",
        "Clopper-Pearson 置信区间，阈值取自同一批非成员",
    ),
    (
        r"With (\d+) members and (\d+) non-members judged, a perfect attack would have shown epsilon (\S+) "
        r"at (\S+) confidence; nothing above that can be seen by this audit\.",
        "在判定 {0} 名成员和 {1} 名非成员的情况下，完美的攻击在 {3} 置信水平下最多能证明 ε = {2}；"
        "高于此值的泄露，本次审计无法发现。",
    ),
)


def said_in(text: str, language: Language) -> str | None:
    """`text` in `language`; None if this table does not know the sentence."""
    if language == "en":
        return text
    for pattern, phrase in _compiled():
        found = pattern.fullmatch(text)
        if found:
            return phrase.format(*found.groups())
    return None


def rule_in(rule: str, language: Language) -> tuple[str | None, str | None]:
    """A gate's rule "kind: sentence" as (kind, sentence) in `language`; None for a part not known.

    A rule without a kind is its own sentence.
    """
    kind, _, sentence = rule.partition(": ")
    return said_in(kind, language), said_in(sentence or kind, language)


@cache
def _compiled() -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple((re.compile(pattern, re.DOTALL), phrase) for pattern, phrase in _ZH)
