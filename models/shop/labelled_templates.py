"""Labelled templates: sentences with slots, in Chinese and English, for training and, of other wording, for tests."""

from __future__ import annotations


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line for line in text.strip().split("\n") if line)


CHINESE_TRAIN = _lines(
    """
您好，我叫{name}，手机号{phone}，麻烦查一下订单{order}。
我是{name}，请把包裹寄到{address}。
收件人：{name}，电话：{phone}，地址：{address}
收货地址改成{address}，联系人{name}。
请联系{name}先生，电话{phone}。
{name}女士您好，您的快递单号是{waybill}。
姓名：{name}；身份证号：{resident}；手机：{phone}
我的身份证是{resident}，名字写错了，应该是{name}。
订单{order}的收货人是{name}，不是{name}。
昨天{name}给我打过电话，说会退款。
快递员{name}态度很差，把东西扔在门口就走了。
客服{name}帮我解决了问题，非常感谢！
麻烦{name}帮我看看这个单子。
我老公{name}签收的，地址是{address}。
我妈妈叫{name}，住在{address}。
{name}的订单还没到，急用。
这是{name}买的，不是我买的。
退款请打到卡号{card}，户名{name}。
银行卡{card}，开户名是{name}。
我住{address}，小区门口的快递柜。
送到{address}就行，放门卫。
地址：{address}，邮箱{email}。
我搬家了，新地址{address}，旧地址{address}作废。
加我微信{account}，我把照片发你。
微信号：{account}，QQ：{qq}
我的QQ号是{qq}，加一下。
支付宝账号{account}，名字{name}。
支付宝是{email}，请退到这里。
淘宝账号{account}登录不上了。
旺旺号{account}，请查收。
抖音号{account}，直播间买的。
微博{handle}已经发了投诉。
运单号{waybill}，三天没动了。
快递单号{waybill}一直显示派送中。
订单号：{order}，请尽快发货。
订单编号{order}什么时候到？
车牌{plate}，停在楼下等着取货。
送货车的车牌号是{plate}。
护照号{passport}，办理清关用。
护照号码：{passport}，姓名{name}
登录IP是{ip}，不是我本人操作。
手机IMEI码{imei}，要求保修。
设备号{uuid}，一直闪退。
MAC地址{mac}连不上网。
公司统一社会信用代码{credit_code}，开增值税发票。
税号{credit_code}，抬头写公司名。
座机{landline}，白天有人接。
固定电话{landline}，找{name}。
出生日期{born}，请核对。
我是{born}出生的，为什么说未成年？
孩子{name}，生日{born}。
国外账户IBAN {iban}，请确认。
东西质量不错，下次还来买。
物流太慢了，等了整整一个星期，差评。
请问这款还有货吗？什么时候能发？
高兴得不得了，包装也很好，孩子很喜欢。
方便的话请尽快回复，谢谢。
于是我又买了两件，颜色都很正。
时间过得真快，已经用了三年了。
和图片一样，尺码标准，推荐购买。
一共花了299元，打了8折，省了60块。
2025年11月11日下单，13号就到了。
周末去了趟北京，顺便买了点特产。
安装师傅很专业，十分钟就装好了。
谢谢{name}！
{name}，{phone}
此致，{name}
寄件人{name}，寄自{address}，电话{phone}。
麻烦转告{name}，货已经到了。
经理{name}说今天处理。
联系电话：{phone}（{name}）
我和{name}一起下的单，请合并发货。
上次是{name}接待的，这次换成了{name}。
发票寄到{address}，收件人写{name}。
朋友{name}推荐我来的。
"""
)
CHINESE_TEST = _lines(
    """
你好，这里是{name}，之前留的号码{phone}打不通了。
包裹请交给{name}，他会在{address}等。
请将货物送往{address}，收货人姓名为{name}。
麻烦把电话从{phone}换成{phone}。
代收点老板{name}说没看到我的件。
投诉配送员{name}，车牌号码{plate}，骑车太快。
刚才和{name}通了电话，他答应补发。
帮{name}买的礼物，留言写生日快乐。
开票信息：统一社会信用代码{credit_code}，电话{landline}
我爱人{name}的证件号码{resident}，需要实名认证。
实名信息填错了，正确的是{name}，{resident}。
能不能把{name}加到我的会员里？
单子{order}显示签收，可我根本没在{address}。
查下{waybill}，圆通的，停在中转站了。
中通快递{waybill}破损，要求理赔。
退货寄回{address}吗？运费谁出？
钱退到这张卡上：{card}。
工行卡尾号不对，完整卡号为{card}。
有问题发邮件给我：{email}
账单发到{email}，抄送{email}。
vx：{account}，备注买家。
QQ{qq}上聊过的那位客服呢？
支付宝账户：{account}，实名{name}。
淘宝会员名{account}，申请售后。
小红书号{account}看到的推荐。
关注了{handle}，说好有优惠券。
护照编号为{passport}，出境购物退税。
陌生地址{ip}登录过我的账号，请冻结。
手机串号{imei}，屏幕失灵。
广告标识符{uuid}请从后台删掉。
路由器MAC是{mac}，信号很弱。
本人生于{born}，已满十八周岁。
会员生日登记成{born}了，改不了。
IBAN：{iban}，收款人{name}。
办公室电话{landline}，下午三点后打。
{name}收，{address}，{phone}
{address}，{name}（收），{phone}
小区搬了，现住{address}。
家里老人{name}不会用手机，请直接打{phone}。
都怪{name}，把地址填成了{address}。
听说{name}已经离职了，那谁来跟进？
本单由{name}负责打包。
签名的是{name}，我不认识这个人。
请{name}看到后回我。
味道一般，配送倒是很准时。
张口就是一堆套话，根本没解决问题。
高压锅用了一次就坏了，什么质量！
等了45分钟，汤都凉了，还少了一双筷子。
原价1299，活动价899，值了。
2026年3月5日买的，到现在还没发货。
任何问题都可以找客服，回复很快。
周到的服务，五星好评。
"""
)
ENGLISH_TRAIN = _lines(
    """
Hello, my name is {name} and my order {order} is late.
Hi, this is {name}. Please call me back on {phone}.
I'm {given}, I wrote to you yesterday.
Please ship it to {address} instead.
My new address is {address}, please update it.
Deliver to: {name}, {address}
Could you ask {name} to call {phone}?
The courier left it with {given} next door.
{name} signed for the parcel, but I do not know anyone of that name.
{given} told me that I would get a refund.
I spoke with {name} last week.
Regards, {name}
Thanks, {given}
Dear {given}, thank you for your help.
Please send the invoice to {email}, not {email}.
My card {card} was declined.
Refund it to {card}, the name on the card is {name}.
The IBAN is {iban} in the name of {name}.
My social security number is {ssn}.
My passport number is {passport}.
My driver's license number is {licence}.
I was born on {born}.
Date of birth: {born}
You can find me on Instagram as {handle}.
My WeChat ID is {account}.
Someone logged in from {ip}.
The device ID is {uuid}.
The MAC address of the router is {mac}.
IMEI {imei}, still under warranty.
Tracking number {waybill} has not moved for days.
We live at {address}.
I used to live at {address} with {name}.
Name: {name}
My sister {name} will pick it up.
My husband {given} paid for it.
Is {name} still working for you?
Where is {name}?
Why was {name} charged twice?
"{given} is very helpful", said {name}.
Can you add {name} to my account?
Change the name to {name}, please.
The manager, {name}, promised to look into it.
The shop at {address} was closed.
The parcel was left at {address} in the rain.
I love this kettle, it boils fast.
When will my refund arrive?
The May sale was great, and the Black Friday one even better.
I bought it on Monday and it broke on Friday.
"""
)
ENGLISH_TEST = _lines(
    """
Good evening, {name} speaking, I need help with order {order}.
Kindly forward the goods to {address}.
Our flat is at {address}; the bell says {name}.
Text me at {phone} once it ships.
The account belongs to {name}, whose mail is {email}.
Charge {card} for the rest, please.
Wire it to {iban}.
SSN on file: {ssn}.
Passport {passport} was used for the customs form.
Driver licence number {licence} does not match.
Her birthday is {born}.
Ping {handle} on Twitter.
WeChat: {account}
Blocked address {ip} is mine.
Phone IMEI is {imei}.
Advertising id {uuid} must be deleted.
Unknown station {mac} joined my network.
Where is shipment {waybill}?
Nobody but {name} may open the box.
Best wishes from {given} and {given}.
According to {name}, it was delivered to {address}.
Tell {given} that the order arrived.
The blue one is out of stock again.
It took 14 days and cost $49.99.
"""
)
