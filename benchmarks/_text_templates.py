"""Text templates: the sentences with slots from which the tagger learns, and sentences of reviews without any."""

from __future__ import annotations


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line for line in text.strip().split("\n") if line)


def words(text: str) -> tuple[str, ...]:
    """The words of a list that is written as one text."""
    return tuple(text.split())


ENGLISH = _lines(
    r"""
{name} has been with us since {year}.
{name} and {name} opened a shop in {place}.
{given} moved to {place} in {year}.
{given}, are you there?
{given}: I can not find it.
{given}: Who took my keys?
{name}: Hello, can you hear me?
{name} works for {group}.
{name} of {group} won the prize.
{name}, chief accountant of {group}, declined to comment.
{group} was bought by {group} in {year}.
{group} is based in {place} and makes shoes.
The {group} store in {place} is closed on Sunday.
I bought this from {group}.
{group} hired {name} as its new director.
We flew from {place} to {place} with {given}.
The weather in {place} is lovely, says {name}.
{place} is a nice town.
The {place} police are looking for {name}.
{place} minister visits {place}.
I am from {place}, but {given} is from {place}.
My best friend {given} lives in {place}.
A film by {name} with {name} and {name}.
The novel by {name} was a success in {place}.
A song by {given} {surname}'s band.
{surname} was the first to climb it.
Have you read {surname}'s new book?
Mr. {surname} will see you now.
Mrs {surname} and Dr. {name} called.
Ms. {name} is not available.
Please welcome Prof. {surname}!
His father, {name}, was born in {place}.
They named the baby {given}.
The winners are {name}, {name} and {name}.
My colleagues: {given}, {given}, {given}.
"I never said that," {name} replied.
When {given} came home, {given} was asleep.
Do you know {name}?
What do you think about {surname}?
Ask for {given} at the desk.
Thank you, {given}!
I agree with {name} on this one.
Everyone calls me {given}.
It is registered under {surname}.
Surname: {surname}
Contact person: {name}
User: {name}
Agent: May I have your name? Customer: {name}
Agent: And your address? Customer: {full}
Customer: {given}
{name}
{given}
{full}
{street}
Come to {street} at eight.
The office is on {street}.
Turn left into {street}.
She lives at {street} in {place}.
She lives on {street}.
We had lunch at {street}, {place}.
The new branch is located at {full}.
Return the parcel to {full} please.
My old address was {full} and the new one is {full}.
Send it to {block}
{name}\n{block}
{name}\n{group}\n{block}
{group}\n{block}
Ship to:\n{name}\n{block}\n{place}
Address: {block}
From: {name}\nTo: {name}\n{block}
> {name}\n> {group}\n> {quoted}
{name}\n{job}\n{group}\n{full}
{name}\n\n{full}\nPhone: {digits}
Name: {name}\nAddress: {full}\nPhone: {digits}
{name}, {job} at {group}, lives in {place}.
I work at {group} as a {job}.
The {job} is very friendly.
{group}, {group} and {group} raised their prices.
The zip code of {place} is {zip}.
My postcode is {zip}.
Postal code: {zip}
Live from {place}: {group} presents {name}.
He studied at {group} in {place} until {year}.
The {nation} government talked to {group}.
I like {nation} food and {nation} music.
It was on a Tuesday in May that the Boat Race took place.
The Queen arrived in {place} on Friday.
Hello, I would like to return my shoes.
Could you help me with my account?
The Black Album is the best record of the Nineties.
Title IX of the Education Act protects students.
Terms and Conditions apply. Free Delivery on all Orders.
Great Product! Works As Described.
WHERE IS MY ORDER? I WANT A REFUND NOW.
MY NAME IS {NAME} AND I WANT A REFUND
i'm {lower} and i need help
my name is {lower}
this is {lower}, where is my order
can you call {lower} back
"""
)
CHINESE = _lines(
    """
{name}
{name}，{name}
{name}呢？
{name}你好
{name}您好，打扰一下
你好{name}
您好，请问{name}在不在
请问是{name}吗？
是{name}本人吗
我是{name}
我是{name}的妈妈
我叫{name}，今年三十二岁
本人{name}，于上月购买本产品
这里是{name}，麻烦接一下
让{name}接电话
叫{name}过来
喊{name}下来拿
帮我找{name}
找{name}就行
问{name}要的
交给{name}
给{name}的
给{name}买的生日礼物
替{name}取的
和{name}合买的
跟{name}说一声
跟着{name}学的
被{name}拒收了
把{name}的那份单独装
听{name}讲，下个月要涨价
据{name}说已经处理了
由{name}代收
由{name}和{name}共同签字
请{name}尽快联系我
感谢{name}的耐心讲解
表扬一下{name}，服务特别好
投诉{name}，态度恶劣
{name}说不是他弄坏的
{name}讲过可以退
{name}答应了给我换
{name}今天休息
{name}已经走了
{name}又迟到了
{name}没来
{name}来过两次
{name}去年也买了一台
{name}觉得太贵
{name}可以作证
{name}和{name}都在场
{name}跟{name}吵起来了
{name}、{name}、{name}三个人的一起寄
{name}/{name}
{name}-{phone}
{name} {phone} {address}
{name},{phone},{address}
{name}|{phone}|{address}
{name}：我马上到
{name}: 在的
{name}回复：稍等
@{name} 看一下
@{name} @{name} 你们谁有空
《用户反馈》提交人：{name}
签收人：{name}
付款人：{name}，收款人：{name}
户主是{name}
持卡人{name}
联系人 {name} {phone}
联系人：{name}（{phone}）
姓名：{name}，性别：男，电话：{phone}
客户姓名：{name}
会员：{name}
顾客{name}反映商品破损
买家{name}申请退款
卖家{name}同意了
店长{name}不在
老板{name}人不错
老板娘叫{name}
师傅{name}，电话{phone}
安装工{name}迟到两个小时
快递小哥{name}很负责
骑手{name}正在送货
主播{name}推荐的那款
医生{name}开的单子
老师叫{name}
班长{name}统一下单
组长{name}批了
主管{name}还没签字
我同学{name}也想要
我朋友{name}买过
我同事{name}帮忙取
我老婆{name}
我儿子叫{name}，六岁
我女儿{name}穿着正好
我爸{name}不会操作
我奶奶{name}今年八十了
我弟{name}的号
我姐{name}说好看
小孩名字{name}，刻在笔上
刻字：{name}
印章内容：{name}印
贺卡上写：祝{name}生日快乐
请在包裹上注明{name}
备注：{name}收
{name}亲启
{name}敬上
{name}先生
{name}女士，您的订单已发货
{name}小姐请到前台
{name}老师，打扰了
{name}总，合同发您了
尊敬的{name}：
亲爱的{name}，
祝好，{name}
客服{name}，工号1024
{name}，{group}
{name}在{group}上班
{name}来自{place}
{name}住在{place}
{name}从{place}寄来的
{group}的{name}负责售后
{group}，联系人{name}，电话{landline}
开票单位：{group}
抬头写{group}，税号{credit_code}
在{group}买的，质量不错
{group}的东西一直很好
{group}客服不理人
发给{group}，别写个人
送到{group}前台
{place}发货的
发往{place}要几天？
{place}的仓库什么时候开？
我在{place}，能送到吗
{place}今天下雪了
从{place}到{place}走了五天
{place}到{place}的快递太慢
{place}特产，味道正宗
去{place}旅游时买的
{address}
送{address}
寄到{address}
送到{address}，谢谢
发到{address}吧
地址{address}
地址是{address}
地址改为{address}
新地址：{address}
地址写错了，正确的是{address}
原地址{address}，现地址{address}
住{address}
我家住{address}
家在{address}
现居{address}
位于{address}
店在{address}
你们店是在{address}吗？
公司在{address}，工作日送
公司地址：{address}，收件人{name}
门店地址{address}，营业时间九点到九点
退货地址：{address}，{name}，{phone}
快递放到{address}的驿站
到{address}来取
到了{address}打我电话{phone}
去{address}找{name}
在{address}门口等
在{address}对面
{address}附近有自提点吗
{address}没人，放门口
{address}，{phone}
{address} {name} {phone}
{address}的{name}
{address}的包裹还没送
{name}，地址{address}
{name}家在{address}
{name}搬到了{address}
{name}的新家：{address}
收件地址：{address}
收件人{name}
收件地址：{address}；收件人：{name}；电话：{phone}
收货人:{name}
手机号码:{phone}
所在地区:{address}
上门地址{address}，约了{name}下午两点
装到{address}，{name}在家
寄件：{name}，{address}；收件：{name}，{address}
把{address}删掉，换成{address}
我姓名{name}，住址{address}，身份证{resident}
{resident}，{name}
{name}{phone}
{order}，{name}的
订单{order}，收件人{name}，要寄到{address}
单号{waybill}，收件{name}
车牌{plate}，司机{name}
邮箱{email}，姓名{name}
卡号{card}，{name}
银行卡{card}是{name}的
微信{account}，{name}
手机{phone}，机主{name}
之前是{name}跟我联系的，电话{phone}，后来换成{name}了，一直没有下文
昨天下午{name}送来的时候我不在家，他就放在{address}的保安室了
我已经和{name}确认过了，货寄到{address}，别再弄错了
因为{name}出差，请改寄{address}，由{name}代收，电话{phone}
买了两件，一件给{name}，一件给{name}，都寄{address}
如果{name}不在，就打{phone}找{name}
麻烦查一下{name}的订单{order}，到现在还没到{place}
你们在{place}的代理{group}说要找{name}
上个月{name}在{place}的店里办的卡，现在说查不到
两次都是{name}接的，第三次换了个叫{name}的
不是{name}，是{name}，名字打错了
为什么{name}能退我不能退
怎么又是{name}
除了{name}没人知道密码
只有{name}回复了我
连{name}都说不好用
就连{name}也没见过
比{name}家的便宜
等{name}回来再说
等了{name}半天
记得找{name}签字
忘了跟{name}说
麻烦{name}了
辛苦{name}
多亏{name}帮忙
幸好{name}在
可能是{name}拿错了
应该是{name}签的
好像叫{name}
自称{name}
化名{name}
网名不知道，真名{name}
"""
)
CHINESE_CLEAN = _lines(
    """
东西收到了，跟描述一样，很满意
质量很好，下次还会再来
一般般，没有想象的好
太差了，用了两天就坏
发货很快，包装也结实
物流慢得要命，等了十天
颜色和图片不一样，有色差
尺码偏大，建议买小一号
面料舒服，透气，夏天穿正好
味道不错，就是有点咸
分量很足，两个人吃不完
送来的时候已经凉了
汤洒了一半，差评
客服态度好，有问必答
客服一问三不知，气死人
问了半天没人回
什么时候发货？
能便宜点吗？
有没有优惠券
可以开发票吗
怎么退货？
退款多久到账
我要换货，尺寸不合适
运费谁承担
支持七天无理由退货吗
这个有现货吗
请问保修多久
安装要另外收费吗
说明书看不懂
屏幕有一道划痕
电池不耐用，充一次用半天
声音太大，晚上没法用
孩子很喜欢，天天抱着睡
给老人买的，操作简单
送朋友的，朋友说好看
第三次回购了
全家都在用
性价比高，值得推荐
贵是贵了点，但是好用
双十一买的，比平时便宜一百多
满三百减五十，很划算
赠品没有给，问了也不补
少发了一件，联系补发中
包裹破损，里面的杯子碎了
方便快捷，省心
高高兴兴买回来，结果是坏的
时好时坏，不知道什么原因
安全起见，改一下密码
任何时候都可以联系我们
成功下单后请耐心等待
万一坏了怎么办
平时工作忙，没时间去店里
周末在家试了一下，效果明显
江南水乡的风格，很雅致
白色的更好看一些
黄色有点深，像橙色
金属外壳，手感很好
石头做的，挺重
马上就要过年了，赶紧发货吧
毛衣起球严重
水果新鲜，个头大
牛奶日期很新
米饭有点硬，菜还可以
花了两百多，心疼
程序总是闪退
包邮吗？偏远地区也包吗
常用的功能都有
连接不上无线网
温度调不了，只能最高档
于是退了货，重新买了一台
严重不符，申请退款
贺卡写得很漂亮
路上走了三天，速度可以
鲁菜馆做得很地道
钱已经退了，谢谢
孔太小，穿不进去
史上最差的一次购物
顾客就是上帝，这句话在这里不存在
钟表走得不准
陶瓷的，小心轻放
雷声大雨点小，活动没什么优惠
童装区的质量不错
柳条编的篮子很结实
苗木成活率高
荣幸成为会员
洪水影响，快递延误
关闭自动续费在哪里
应用打不开，一直转圈
向你们反映一个问题
温馨提示：请在有效期内使用
房间干净，位置好找
计划下个月再买一台
单独包装的，很卫生
管道漏水，要求维修
项链断了，能修吗
送餐小哥人很好，下雨天还准时送到
餐到的时候还是热的，赞一个
餐盒漏了，袋子里全是油
这家的饼卷得很实在，料也足
棒棒的，以后就认准这家了
味道超赞，强烈推荐
等餐等了一个半小时，饿死了
打电话催了三次才送来
少送了一双筷子，没法吃
汤都洒了，饭也泡了
送餐员态度特别好，还提醒小心烫
备注了不要香菜还是放了
套餐里没有给饮料
换成别的口味也行
张嘴就要好评返现
上聊天记录作为证据
聊过之后才知道要加钱
说好的赠品呢
和店里吃的完全是两回事
从来没有吃过这么难吃的
还好没有打折的时候买
多放点辣，少放点盐
能不能快一点啊
好吃到停不下来
辛苦啦，大冷天的
小票上写的和实际不一样
单子上明明写着两份
卷饼的酱有点多
皮薄馅大，一口一个
粥熬得很稠，南瓜很甜
强烈推荐给大家
和我想的不一样
都挺好的，没什么可挑的
"""
)

# What reviews are put together from: something, how much of it, what it is like, and what is said behind it.
CHINESE_THINGS = words(
    """
餐 菜 饭 米饭 面条 粥 南瓜粥 汤 汤汁 饺子 包子 馒头 卷饼 煎饼 烤鸭 京酱肉丝 鸡柳 鸡翅 鸡腿 牛肉 羊肉 鱼
虾 海鲜 烧烤 火锅 披萨 汉堡 薯条 沙拉 寿司 蛋糕 面包 饼干 点心 零食 水果 苹果 香蕉 橙子 葡萄 西瓜 黄瓜
土豆 青菜 豆腐 鸡蛋 牛奶 酸奶 咖啡 奶茶 果汁 可乐 啤酒 白酒 红酒 茶叶 绿茶 饮料 调料 酱料 筷子 餐盒 餐具
纸巾 外卖 快餐 套餐 早餐 午餐 晚餐 份量 分量 口味 味道 口感 肉 皮 馅 主食 小菜 送餐 送餐员 送餐小哥 小哥
快递 快递员 骑手 配送 物流 包装 盒子 袋子 衣服 裤子 裙子 衬衫 毛衣 外套 羽绒服 内衣 袜子 鞋 鞋子 帽子
围巾 手套 包包 书包 钱包 皮带 手表 项链 戒指 耳环 眼镜 面料 布料 做工 针脚 拉链 扣子 颜色 款式 尺码 手机
手机壳 电脑 键盘 鼠标 耳机 音箱 充电器 数据线 电池 屏幕 相机 平板 电视 遥控器 冰箱 空调 洗衣机 热水器
吸尘器 电饭煲 高压锅 豆浆机 风扇 台灯 插座 灯泡 床 床单 被子 枕头 沙发 桌子 椅子 柜子 地毯 窗帘 毛巾
牙刷 牙膏 洗发水 沐浴露 香皂 面膜 口红 粉底 香水 洗面奶 纸尿裤 奶粉 玩具 积木 书 小说 漫画 字典 文具
房间 酒店 前台 早饭 卫生间 空气 位置 交通 服务 服务员 服务态度 态度 店家 商家 老板 客服 售后 师傅 店铺
网站 活动 优惠 价格 质量 效果 速度 性能 系统 功能 声音
"""
)
CHINESE_DEGREES = words(
    """
很 太 超 超级 非常 特别 挺 蛮 真 真的 有点 有些 比较 相当 不 不太 不够 还 还算 更 最 好 都 也 也很 就是
实在 越来越 一直 居然 竟然
"""
)
CHINESE_LIKE = words(
    """
好 好吃 难吃 美味 香 咸 淡 甜 辣 酸 苦 油 腻 烫 凉 冷 热 硬 软 烂 新鲜 干净 脏 卫生 多 少 大 小 足 快 慢
及时 准时 晚 贵 便宜 划算 值 值得 实惠 漂亮 好看 难看 精致 粗糙 薄 厚 薄脆 结实 牢固 耐用 轻 重 舒服
舒适 透气 暖和 合身 宽松 紧 长 短 亮 暗 清晰 模糊 流畅 卡 方便 简单 复杂 安静 吵 热情 耐心 负责 帅 可爱
给力 棒 赞 差 差劲 失望 满意 喜欢 一般 不错 可以 行 凑合 无语 生气 开心 高兴 辛苦 感动 放心 小心 完美
齐全 专业 敷衍 垃圾 坑 后悔
"""
)
CHINESE_TAILS = (
    *[""] * 5,
    *words(
        """
了 了 的 的 啊 呀 哦 哈 啦 吧 呢 哒 ！ ！！ ～ ~ 。 。。。 … ，谢谢 ，赞 ，赞赞赞 ，好评 ，差评 ，五星
，推荐 ，棒棒哒 ，辛苦了 ，下次再来 ，再也不来了 ，不会再买了 ，会继续支持 ，给个好评 ，打八折
，就这样吧 ，老公爱吃 ，孩子爱喝 ，全家都说好 ，凉透了 ，等了一个小时 ，送来都坨了 ，换了一家 ，上当了
"""
    ),
)
