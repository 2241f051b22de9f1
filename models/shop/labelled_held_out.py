"""Held-out Chinese sentences and values: written before they were measured, of other forms than all templates before.

They measure; no rule, list or weight may be tuned on what they show. Chats, notes for the courier, forms, reviews and
long complaints, most of them with several values. The values are put together from other family and given names,
roads and estates than those that the training sentences use.
"""

from __future__ import annotations

import random
from collections.abc import Mapping

from models.shop.labelled_values import CHINESE_VALUES, Draw

CHINESE_HELD_OUT = tuple(
    """
{name}在吗
{name}刚走
找一下{name}呗
亲，{name}的快递到了没有呀
喂，是{name}吗，你的外卖到楼下了
就写{name}好了，电话还是{phone}这个
哦对了，取件的时候报{name}的名字就行
昨晚{name}跟我说她那件也掉色，真的无语
这不是{name}嘛，怎么又来退货了哈哈
我闺女{name}今年上小学，书包是给她挑的
隔壁{name}家的也是这款，人家的怎么就没事
叫{name}的那个小伙子特别有耐心，给他点个赞
{name}和{name}两个人一起过来装的，前后不到半小时
当时接电话的自称{name}，工号没记住，说三天内给答复
是{name}本人下的单没错，可付款的是她爸{name}
群里{name}、{name}还有{name}都买了，就我的没发
跟{name}对接过的都知道，他从来不回消息
问了{name}，说是要等{name}审批完才能打款
{name}：好的收到
{name}（{phone}）：放前台就好
【{name}】已确认收货
致{name}：您的申请已通过
@客服 请把{name}拉黑，谢谢
采购：{name}　验收：{name}　日期：2026/4/2
申请人{name}，经办人{name}，附件两张
姓名{name} 性别女 出生{born} 证件{resident}
{resident} {name}，帮忙做下实名
实名认证提示{resident}已被占用，可这就是我自己的证啊
补充一下，身份证{resident}，护照{passport}，两个都可以用
港澳通行证没带，只有护照，号码是{passport}
我{born}生的，属相你自己算
宝贝的出生日期是{born}，给会员卡改一下
别打{phone}了，那是我前男友的号，打{phone}
有急事拨{landline}转分机，或者{phone}
{phone}加我，备注取件
手机尾号不对吧，我的是{phone}啊
打了{landline}三遍都没人接，你们到底有没有人上班
回电{phone}，晚上八点以后方便
旧号{phone}停机了，以后通知都发到{phone}，邮件就发{email}
寄{address}
麻烦改送{address}，谢谢啦
我人在{address}，你到了喊一声
送错啦！是{address}，不是{address}
从{address}搬到{address}以后就再没收到过你们的目录
定位不准，导航搜{address}，门口有棵大槐树
上门时间改到周六，地点{address}，联系{name}，{phone}
东西先别寄家里，寄公司：{address}，{name}收，前台电话{landline}
自提点就在{address}，老板叫{name}，晚上九点关门
我家{address}，老楼没电梯，六楼，辛苦师傅了
{address}这边的驿站老是乱扔件，{name}去说了好几回也没用
你们仓库在{address}对吧，那我明天自己过去拿
发票抬头不要写个人，税号{credit_code}，寄到{address}
对公转账，公司代码{credit_code}，有疑问联系{name}
打到我老婆的卡{card}，她叫{name}
卡是{card}，别再打到以前那张{card}了
刚用{card}付的，显示扣了两次
退支付宝{account}，别退微信
微信{account}，同手机{phone}
搜{account}加我抖音，我发视频给你看
企鹅号不用了，有事QQ {qq}
某红书上的{handle}推荐的，结果翻车了
微博@我：{handle}，或者邮箱{email}
{email}没收到电子发票，换{email}再发一遍
那个单{order}，就是{name}帮我拍的那个，取消了吧
查单：{order}
{order}和{order}能合到一起发吗
订单号发你了{order}，收货人{name}，地址没变还是{address}
单号{waybill}，物流停在杭州四天了
{waybill}这个件是谁签的？我在{address}根本没见着
顺丰{waybill}，到付，{name}收
司机说车牌{plate}，我在门口等了四十分钟没见着
停车登记：{plate}，访客{name}，找三楼财务
{plate}蹭了我的车还跑了，你们的配送员吧？
后台显示{ip}登录，我在老家根本没用过电脑
连了公司的网，{ip}，还是打不开支付页面
新手机串码{imei}，旧手机串码{imei}，以旧换新怎么还没估价
设备{uuid}收不到推送
绑定的是{mac}这台打印机，换不了
外籍员工报销，IBAN是{iban}，户主{name}
家长{name}，孩子{name}，班主任说统一订这个牌子，尺码发我微信{account}
本来想忍忍算了，结果{name}又打{phone}来催好评，还说知道我住{address}，这也太吓人了，我要投诉
买的时候{name}信誓旦旦说七天包退，现在打{landline}说拆了封不给退，订单{order}，请平台介入
上周三在你们{address}的门店办的卡，店员{name}让我留了{phone}和{email}，到现在短信都没收到一条
合同编号不记得了，当时签字的是{name}，付款卡{card}，收货{address}
我妈年纪大了，她的号是{phone}，名字{name}，住{address}，麻烦送的时候帮忙提上楼
还行吧，没有想象中好
这价格真香，下回还来
发的什么快递啊，慢死了
高兴太早了，第二天就坏了
都说好用，我怎么觉得一般
客服小姐姐人美声甜，五分钟就解决了
从下单到收货一共两天，周末也有人送
原价259，券后199，凑单满减又省30
袋子破了，米撒了一地，只剩不到3斤
7月20号买的，保修到明年7月，没错吧
""".strip().split("\n")
)
_FAMILY = (
    "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗蔡贾丁魏薛叶阎余潘杜戴夏钟汪田任姜范方石姚谭廖邹熊金陆郝孔白"
    "崔康毛邱秦江史顾侯"
)
_DOUBLED = ("欧阳", "夏侯", "皇甫", "慕容", "尉迟", "东方")
_GIVEN = (
    "柏彬炳灿畅春翠存冬栋范芬福钢耕贵翰和荷厚惠继建菊军均奎坤磊丽良烈茂美民敏宁攀萍其启强勤群仁蕊山胜世守"
    "淑顺涛腾天廷同万旺巍为伟武熙霞贤祥小孝秀学勋亚艳耀义银英勇友有裕元源远云增占兆贞之忠子"
)
_CITIES = (
    "石家庄市",
    "河北省保定市",
    "沈阳市",
    "昆明",
    "广西南宁市",
    "福建省泉州市",
    "温州",
    "内蒙古包头市",
    "",
    "",
)
_DISTRICTS = ("长安区", "莲池区", "铁西区", "五华区", "青秀区", "晋江市", "鹿城区", "昆都仑区", "定州市", "")
_ROADS = ("友谊", "裕华", "青年", "白龙", "民族", "泉秀", "车站", "钢铁", "光明", "工农兵", "迎宾", "环城南")
_KINDS = ("路", "街", "大街", "大道", "西路", "北街", "巷", "胡同")
_ESTATES = (
    "世纪花城",
    "丽景湾",
    "怡和家园",
    "水岸新村",
    "铁路宿舍",
    "御景豪庭",
    "百合公寓",
    "时代广场",
    "开元大厦",
    "桃源居",
)
_VILLAGES = ("大王庄", "柳林", "下河", "小营", "石桥", "南坪")


def _name(rng: random.Random) -> str:
    family = rng.choice(_FAMILY) if rng.random() < 0.95 else rng.choice(_DOUBLED)
    return family + "".join(rng.choices(_GIVEN, k=1 if rng.random() < 0.25 else 2))


def _address(rng: random.Random) -> str:
    """A house on a road, a flat in an estate, or a house in a village; with or without the city before it."""
    head = rng.choice(_CITIES) + rng.choice(_DISTRICTS)
    road = f"{rng.choice(_ROADS)}{rng.choice(_KINDS)}{rng.randrange(1, 700)}号"
    flat = rng.choice(
        (
            f"{rng.randrange(1, 30)}栋{rng.randrange(101, 3000)}",
            f"{rng.randrange(1, 30)}号楼{rng.randrange(1, 6)}单元{rng.randrange(101, 1900)}",
            f"{rng.randrange(1, 30)}-{rng.randrange(1, 4)}-{rng.randrange(101, 1900)}",
            f"{rng.choice('ABCD')}座{rng.randrange(2, 30)}层",
        )
    )
    village = f"{rng.choice(_VILLAGES)}村{rng.randrange(1, 12)}组{rng.randrange(1, 90)}号"
    estate = rng.choice(_ESTATES) + flat
    return head + rng.choice(
        (road, road + estate, estate, f"{rng.choice(_VILLAGES)}镇{road}" if head else road, village)
    )


CHINESE_HELD_OUT_VALUES: Mapping[str, tuple[str, Draw]] = {
    **CHINESE_VALUES,
    "name": ("NAME", _name),
    "address": ("ADDRESS", _address),
}
