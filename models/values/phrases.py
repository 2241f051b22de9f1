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
    (r"pseudonym entropy", "假名随机性"),
    (r"token form", "令牌形式"),
    (r"freshness", "时效"),
    (r"differencing", "差分比较"),
    (
        r"comparing the table with another release of the shop leaves no small group",
        "将该表与店铺的其他发布相比较，不会分离出过小的群体",
    ),
    (r"compared with (\d+) published tables", "已与 {0} 张已发布的表比较"),
    (r"residual uniqueness", "残余唯一性"),
    (r"t-closeness", "t-接近性"),
    (r"beta-likeness", "β-相似性"),
    (r"delta-presence", "δ-存在性"),
    (r"rounding", "取整"),
    (r"raw values", "原始值"),
    (r"no gaps", "无缺失"),
    (r"k-anonymity", "k-匿名"),
    (r"l-diversity", "l-多样性"),
    (r"bands", "分段"),
    (r"public keys", "公开键"),
    (
        r"column (\S+) holds only keys of (\S+), which has no customers",
        "列 {0} 只含表 {1} 的键，该表不含客户",
    ),
    (r"identifier patterns", "标识符模式"),
    (r"identifying forms", "识别性形式"),
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
    (
        r"no class has a value of column (\S+) that prevails \(entropy\)",
        "没有等价类被列 {0} 的某个取值主导（熵）",
    ),
    (
        r"no class has a value of column (\S+) that prevails \(recursive\)",
        "没有等价类被列 {0} 的某个取值主导（递归）",
    ),
    (r"no class differs much from the table in column (\S+)", "没有等价类在列 {0} 的分布上与全表相差过大"),
    (
        r"no class makes a value of column (\S+) much likelier than the table does",
        "没有等价类使列 {0} 的某个取值远比全表更可能出现",
    ),
    (r"nobody's class says much about who is in the table", "任何等价类都不会明显透露谁在表中"),
    (r"no row is alone in all that is not sensitive", "没有任何一行在所有非敏感列上独一无二"),
    (r"the data that the table is made of may still be kept", "该表所用的数据仍在保存期限之内"),
    (r"every token of column (\S+) has the form of the spec", "列 {0} 的每个令牌都符合规格规定的形式"),
    (r"column (\S+) holds only multiples of its step", "列 {0} 只含其步长的整数倍"),
    (r"column (\S+) holds only starts of its unit of time", "列 {0} 只含其时间单位的起点"),
    (r"column (\S+) does not show what stands in the raw table", "列 {0} 不显示原始表中的值"),
    (r"column (\S+) holds only the bands of the spec", "列 {0} 只含规格中定义的分段"),
    (r"nothing in column (\S+) looks like an identifier", "列 {0} 中没有形似标识符的内容"),
    (
        r"the values of column (\S+) have no form in common that identifies",
        "列 {0} 的取值没有共同的、足以识别个人的形式",
    ),
    (r"no raw identifier of a customer is in column (\S+)", "列 {0} 中没有任何客户的原始标识符"),
    (r"needs a share <= (\S+)", "要求比例 ≤ {0}"),
    (r"each byte near uniform, from (\S+) pseudonyms on", "每个字节接近均匀分布，自 {0} 个假名起检查"),
    (r"needs an age <= (\d+) days", "要求不超过 {0} 天"),
    (r"needs an entropy of log (\d+)", "要求熵不低于 log {0}"),
    (r"needs c = (\S+) at l = (\d+)", "要求 l = {1} 时 c = {0}"),
    (r"needs t <= (\S+), equal distance", "要求 t ≤ {0}，等距离"),
    (r"needs t <= (\S+), ordered distance", "要求 t ≤ {0}，有序距离"),
    (r"needs beta <= (\S+)", "要求 β ≤ {0}"),
    (
        r"needs a share of (\S+) to (\S+) of each class of the population",
        "要求占总体中每个等价类的比例在 {0} 与 {1} 之间",
    ),
    (r"needs steps of (\S+)", "要求步长为 {0}"),
    (r"needs starts of a hour", "要求为整点"),
    (r"needs starts of a day", "要求为一天的起点"),
    (r"needs starts of a week", "要求为一周的起点"),
    (r"needs starts of a month", "要求为一月的起点"),
    (r"needs starts of a quarter", "要求为一季度的起点"),
    (r"needs starts of a year", "要求为一年的起点"),
    (r"compared with a keyed sample", "与带密钥抽取的样本比对"),
    (r"looked at the whole table together", "对整张表"),
    (r"looked at (.+) together", "一并考察：{0}"),
    (r"needs k >= (\d+) over the whole table", "要求 k ≥ {0}，对整张表"),
    (r"needs k >= (\d+) over (.+)", "要求 k ≥ {0}，准标识符：{1}"),
    (r"needs k >= (\d+)", "要求 k ≥ {0}"),
    (r"needs l >= (\d+)", "要求 l ≥ {0}"),
    (r"looked for (.+)", "已查找：{0}"),
    (r"needs (.+)", "要求：{0}"),
    (r"could not be evaluated", "无法评估"),
    # what attacks and audits are called, and what they could have found
    (r"all", "全部"),
    (r"membership", "是否参与训练"),
    (r"loss threshold", "损失阈值"),
    (r"(LiRA|RMIA)", "{0}"),
    (r"(LiRA|RMIA), offline", "{0}（离线）"),
    (r"heavy customers", "贡献多的客户"),
    (r"rare label", "标签少见的客户"),
    (r"rare feature", "特征少见的客户"),
    (r"one run", "单次运行审计"),
    (r"one run among customers", "客户之中的单次运行审计"),
    (r"steps", "逐步审计"),
    (
        r"(\d+) of (\d+) sentences known by heart would have been found with a chance of (\S+)",
        "若 {1} 个句子中有 {0} 个被背下来，会以 {2} 的概率被发现",
    ),
    (
        r"sentences were planted, but what the model knows of them could not be measured \((\w+)\)",
        "已植入句子，但无法测得模型记住了多少（{0}）",
    ),
    (
        r"the model reads only (\S+) of the sentences apart, so it could not know one by heart",
        "模型只能区分 {0} 的句子，因而不可能背下其中任何一句",
    ),
    (
        r"no sentences were planted under this plan yet; `privet audit` plants them in a charged run of its own",
        "尚未在此计划下植入句子；`privet audit` 会在一次单独计费的运行中植入",
    ),
    (r"whether there was a fraud in the customer's name", "是否有人以该客户名义欺诈"),
    (r"payment method of an order", "订单的支付方式"),
    (r"whether an order went away from home", "订单是否寄往异地"),
    (r"time of day of an order", "下单时段"),
    (r"whether there was a fraud with the customer's card", "该客户的卡是否被盗刷"),
    (r"whether a payment was at a terminal new to the customer", "付款终端对该客户是否为首次使用"),
    (r"time of day of a payment", "付款时段"),
    (r"department of an item bought last", "最近所购商品的类别"),
    (r"intent of a letter", "来信的意图"),
    (r"category of the last purchase", "最近一次购买的类别"),
    (
        r"a noise multiplier below (\S+) of the planned one and a customer who counts for more than (\S+) times the "
        r"clipping norm would have been found with a chance of (\S+), shuffled batches with a chance "
        r"(?:of |above )(\S+) \(at sampling rate (\S+)\)",
        "噪声系数低于计划值的 {0} 倍、或某位客户的影响超过裁剪范数的 {1} 倍，均会以 {2} 的概率被发现；"
        "打乱分批（代替泊松采样）会以不低于 {3} 的概率被发现（采样率 {4}）",
    ),
    (
        r"all customers take part in every step, so there is no sampler to test",
        "所有客户参与每一步，无采样可供检验",
    ),
    (
        r"a noise multiplier below (\S+) of the planned one and a customer who counts for more than (\S+) times the "
        r"clipping norm would have been found with a chance of (\S+)",
        "噪声系数低于计划值的 {0} 倍、或某位客户的影响超过裁剪范数的 {1} 倍，均会以 {2} 的概率被发现",
    ),
    (
        r"from guesses alone an epsilon above (\S+) \((\S+) of the noise\) would have been shown to be above the claim "
        r"with a chance of (\S+)",
        "仅凭猜测，高于 {0} 的 ε（噪声为计划值的 {1} 倍）会以 {2} 的概率被证明超过声明值",
    ),
    (
        r"from guesses alone an epsilon above the claim would not have been shown",
        "仅凭猜测无法证明 ε 超过声明值",
    ),
    (
        r"a noise multiplier below (\S+) of the planned one, or a customer who counts for more than (\S+) times the "
        r"clipping norm, would have been found with a chance of (\S+), in ([\d,]+) steps with noise multiplier (\S+)",
        "噪声系数低于计划值的 {0} 倍，或某位客户的影响超过裁剪范数的 {1} 倍，会以 {2} 的概率被发现"
        "（{3} 步，噪声系数 {4}）",
    ),
    (r"the noise that ran was (\S+) of the planned one", "实际噪声为计划值的 {0} 倍"),
    (
        r"a customer counted for (\S+) of what clipping, sampling, steps and divisor of the plan allow",
        "一位客户的影响为计划所允许（裁剪、采样、步数、除数）的 {0} 倍",
    ),
    (
        r"how often customers took part varied (\S+) times as much as under Poisson sampling, which was accounted for",
        "客户参与次数的波动为所记账的泊松采样下的 {0} 倍",
    ),
    (
        r"a step showed a customer (\S+) times as far as the planned noise allows",
        "一步所显示的客户影响为计划噪声所允许的 {0} 倍",
    ),
    # where a model stands against its front
    (r"The front has no points; search first\.", "前沿上没有任何点；请先搜索。"),
    (r"Nothing has left its interval; the choice stays\.", "各项均在区间之内，维持原选择。"),
    (
        r"No point of the front would keep the constraints now; search again\.",
        "前沿上已没有满足约束的点；请重新搜索。",
    ),
    (r"Trial (\d+) would still be chosen; the choice stays\.", "仍会选择试验 {0}，维持原选择。"),
    (
        r"Trial (\d+) would be chosen now: epsilon (\S+), about (\S+) (.+), at most (\S+) bits\.",
        "现在会选择试验 {0}：ε = {1}，{3} 约为 {2}，最多 {4} 比特。",
    ),
    (r"(.+) is (\S+ \[.+\]), below the (\S+ \[.+\]) of trial (\d+)", "{0} 为 {1}，低于试验 {3} 的 {2}"),
    (r"(.+) is (\S+ \[.+\]), above the (\S+ \[.+\]) of trial (\d+)", "{0} 为 {1}，高于试验 {3} 的 {2}"),
    (
        r"measured leakage is (.+) bits, above the (.+) bits of trial (\d+), beyond their intervals",
        "实测泄露量为 {0} 比特，高于试验 {2} 的 {1} 比特，超出两者的区间",
    ),
    (
        r"measured leakage is (.+) bits, below the (.+) bits of trial (\d+), beyond their intervals",
        "实测泄露量为 {0} 比特，低于试验 {2} 的 {1} 比特，超出两者的区间",
    ),
    (
        r"the accountant's bound is (\S+) bits, above the (\S+) bits of trial (\d+)",
        "隐私核算的上界为 {0} 比特，高于试验 {2} 的 {1} 比特",
    ),
    (r"rule pack (.+) holds now", "现适用规则包 {0}"),
    (r"rule pack (.+) holds no more", "规则包 {0} 不再适用"),
    (r"hard rule (\S+) is not met", "硬性规则 {0} 未满足"),
    (
        r"(utility|upper_bits|risk|advantage|epsilon|unmet|seconds) (\S+) is above (\S+)",
        "{0} 为 {1}，高于 {2}",
    ),
    (
        r"(utility|upper_bits|risk|advantage|epsilon|unmet|seconds) (\S+) is below (\S+)",
        "{0} 为 {1}，低于 {2}",
    ),
    # why a model may not be champion
    (r"the gate did not pass", "门禁未通过"),
    (r"the run log differs from the plan", "运行日志与计划不一致"),
    (r"the claimed epsilon is above the target", "声明的 ε 高于目标值"),
    (r"the audit proves more leakage than claimed", "审计证明的泄露超过所声明的上限"),
    (r"no run of the mechanism was audited", "没有对训练机制进行过审计"),
    (
        r"the audit of run (\S+) shows more than the claimed epsilon",
        "对运行 {0} 的审计显示泄露超过所声明的 ε",
    ),
    (r"the audit of run (\S+) contradicts the plan: (.+)", "对运行 {0} 的审计与计划相矛盾：{1}"),
    (r"a hard rule of law is not met: (.+)", "未满足法律的强制性规则：{0}"),
    (r"a constraint of the spec is not kept: (\S+) at most (\S+)", "未满足规格中的约束：{0} 不超过 {1}"),
    (r"a constraint of the spec is not kept: (\S+) at least (\S+)", "未满足规格中的约束：{0} 不低于 {1}"),
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
    (r"the same score for every example", "对每条样本给出相同得分"),
    (
        r"noised sum by noised count of test customers, epsilon (\S+), delta (\S+)",
        "对测试客户的求和与人数加噪后相除，ε = {0}，δ = {1}",
    ),
    (r"loss threshold per customer", "按客户损失阈值的成员推断攻击"),
    (r"loss threshold, DeLong's interval", "损失阈值，DeLong 置信区间"),
    (r"DeLong's interval", "DeLong 置信区间"),
    (
        r"Clopper-Pearson, beside the interval of the threshold \(order statistics of non-members\)",
        "Clopper-Pearson 置信区间，并计入阈值自身的区间（非成员的次序统计量）",
    ),
    (r"loss threshold", "损失阈值"),
    (r"(LiRA|RMIA)", "{0}"),
    (r"(LiRA|RMIA), offline", "{0}（离线）"),
    (r"LiRA, online", "LiRA（在线）"),
    (r"LiRA, offline", "LiRA（离线）"),
    (r"RMIA, online", "RMIA（在线）"),
    (r"RMIA, offline", "RMIA（离线）"),
    (r"heavy customers", "数据量大的客户"),
    (r"rare label", "带有罕见标签的客户"),
    (r"rare feature", "带有罕见特征的客户"),
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
