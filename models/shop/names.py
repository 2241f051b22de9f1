"""Names: given names and surnames, Western and Chinese, from which customers' names are drawn at random."""

from __future__ import annotations


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


FEMALE = _words(
    "Emma Olivia Ava Sophia Isabella Mia Charlotte Amelia Harper Evelyn Abigail Emily Elizabeth Sofia "
    "Ella Grace Victoria Chloe Camila Hannah Lily Zoe Nora Hazel Aurora Lucy Anna Caroline Sarah Alice "
    "Julia Clara Ruby Eva Helen Ruth Maria Diana Laura Rosa Nancy Karen Susan Donna Carol Megan Rachel "
    "Nina Teresa Irene"
)
MALE = _words(
    "Liam Noah Oliver Elijah James William Benjamin Lucas Henry Alexander Mason Michael Ethan Daniel "
    "Jacob Logan Jackson Levi Sebastian Mateo Jack Owen Theodore Samuel David Joseph Carter John Wyatt "
    "Matthew Luke Julian Isaac Gabriel Anthony Thomas Charles Aaron Robert Kevin Brian George Edward "
    "Ronald Peter Walter Frank Simon Oscar Victor"
)
SURNAMES = _words(
    "Smith Johnson Williams Brown Jones Garcia Miller Davis Rodriguez Martinez Hernandez Lopez Gonzalez "
    "Wilson Anderson Thomas Taylor Moore Jackson Martin Lee Perez Thompson White Harris Sanchez Clark "
    "Ramirez Lewis Robinson Walker Young Allen King Wright Scott Torres Nguyen Hill Flores Green Adams "
    "Nelson Baker Hall Rivera Campbell Mitchell Carter Roberts Gomez Phillips Evans Turner Diaz Parker "
    "Cruz Edwards Collins Reyes Stewart Morris Morales Murphy Cook Rogers Gutierrez Ortiz Morgan Cooper "
    "Peterson Bailey Reed Kelly Howard Ramos Kim Cox Ward Richardson Watson Brooks Chavez Wood Bennett "
    "Gray Mendoza Ruiz Hughes Price Alvarez Castillo Sanders Patel Myers Long Ross Foster O'Connor "
    "Schmidt Weber Kowalski Novak"
)

# Each Chinese entry is the characters and their romanisation, which becomes part of an e-mail address.
CHINESE_SURNAMES = _words(
    "王wang 李li 张zhang 刘liu 陈chen 杨yang 黄huang 赵zhao 吴wu 周zhou 徐xu 孙sun 马ma 朱zhu 胡hu "
    "郭guo 何he 高gao 林lin 罗luo 郑zheng 梁liang 谢xie 宋song 唐tang 许xu 韩han 冯feng 邓deng 曹cao "
    "彭peng 曾zeng 肖xiao 田tian 董dong 袁yuan 潘pan 于yu 蒋jiang 蔡cai 余yu 杜du 叶ye 程cheng 苏su "
    "魏wei 吕lv 丁ding 任ren 沈shen 姚yao 卢lu"
)
CHINESE_FEMALE = _words(
    "芳fang 娜na 敏min 静jing 丽li 艳yan 娟juan 霞xia 秀英xiuying 桂英guiying 婷婷tingting 雪梅xuemei "
    "玉兰yulan 欣怡xinyi 雨涵yuhan 梓涵zihan 思雨siyu 佳琪jiaqi 美玲meiling 晓燕xiaoyan 丽华lihua "
    "春梅chunmei 红hong 玲ling"
)
CHINESE_MALE = _words(
    "伟wei 强qiang 磊lei 军jun 洋yang 勇yong 杰jie 涛tao 明ming 超chao 建国jianguo 志强zhiqiang "
    "建华jianhua 浩然haoran 子轩zixuan 宇航yuhang 俊杰junjie 文博wenbo 海涛haitao 国强guoqiang "
    "晓东xiaodong 天宇tianyu 鹏peng 波bo"
)
