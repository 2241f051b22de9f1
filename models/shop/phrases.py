"""Phrases: the sentences of which customers' letters are made, in English and in Chinese.

A {field} stands for the customer's own data: name, given, email, phone, address, city, order, card.
"""

from __future__ import annotations

from typing import NamedTuple

INTENTS = (
    "delivery_status",
    "return_item",
    "refund_status",
    "change_address",
    "payment_failed",
    "account_access",
    "product_question",
    "damaged_item",
)


class Phrases(NamedTuple):
    """The sentences of one language; `matters` holds four for each intent, `space` joins sentences."""

    openings: tuple[str, ...]
    matters: dict[str, tuple[str, str, str, str]]
    vague: str
    details: tuple[str, ...]
    closings: tuple[str, ...]
    space: str


ENGLISH = Phrases(
    openings=(
        "Hello,",
        "Hi there,",
        "Dear support team,",
        "Good morning, my name is {name}.",
        "Hi, {name} here.",
        "Hello, this is {name} from {city}.",
    ),
    matters={
        "delivery_status": (
            "Where is my order {order}? It should have arrived days ago.",
            "My parcel for {order} has not been delivered and the tracking page shows nothing.",
            "Could you tell me when order {order} will get here?",
            "The courier says that {order} was delivered, but nothing is at {address}.",
        ),
        "return_item": (
            "I would like to send back one item of order {order}. How do I get a return label?",
            "Please tell me how to return what I bought with {order}.",
            "I ordered too much in {order} and want to give some of it back.",
            "Can I still return order {order}? It is unopened.",
        ),
        "refund_status": (
            "I sent {order} back two weeks ago and still have no refund.",
            "When will I get my money back for order {order}?",
            "The refund for {order} has not reached my card {card}.",
            "You promised a refund for {order}; my bank sees nothing.",
        ),
        "change_address": (
            "I have moved. Please send {order} to {address} instead.",
            "My new address is {address}. Please change it in my account.",
            "The postcode in my account is wrong, I live at {address} in {city}.",
            "Please deliver future orders to {address}.",
        ),
        "payment_failed": (
            "My card {card} was declined twice although it works elsewhere.",
            "The payment for {order} failed but my bank shows the amount as charged.",
            "I cannot pay: the page says error after I enter {card}.",
            "I was charged twice for order {order} on card {card}.",
        ),
        "account_access": (
            "I cannot log in with {email}; the reset mail never arrives.",
            "My account {email} is locked after too many attempts.",
            "Somebody changed the password of {email}. Please help me get my account back.",
            "I no longer use the phone {phone} and cannot confirm my login.",
        ),
        "product_question": (
            "Is the item that I bought with {order} free of nuts?",
            "Do you still sell what I had in order {order}, and in a larger pack?",
            "How long does the product of {order} keep once it is open?",
            "Which ingredients are in the bread of order {order}?",
        ),
        "damaged_item": (
            "Half of order {order} arrived broken.",
            "The box of {order} was open and two things were leaking.",
            "A jar in {order} came smashed, please replace it.",
            "What you sent with {order} is spoiled and past its date.",
        ),
    },
    vague="I wrote last week about order {order} and nobody answered. Please look into it.",
    details=(
        "You can call me on {phone}.",
        "My e-mail is {email} and my phone {phone}.",
        "Please write to {email}.",
        "I live at {address}, {city}.",
        "The account is under {name}, {email}.",
        "I paid with card {card}.",
        "Thank you for a quick answer.",
        "Call {phone} after six, please.",
    ),
    closings=("Regards, {name}", "Best, {given}", "Thanks!", "{name}, {phone}", "Kind regards"),
    space=" ",
)

CHINESE = Phrases(
    openings=(
        "您好，",
        "你好，",
        "客服您好，",
        "我是{name}，",
        "您好，我叫{name}，",
        "您好，我是{city}的{name}，",
    ),
    matters={
        "delivery_status": (
            "我的订单{order}还没有收到，请问什么时候能到？",
            "订单{order}的物流信息好几天没有更新了。",
            "请帮我查一下{order}的快递到哪里了。",
            "快递显示{order}已签收，但是{address}没有收到包裹。",
        ),
        "return_item": (
            "订单{order}里有一件商品我想退货，怎么办理？",
            "请问{order}还可以退货吗？没有拆封。",
            "我在{order}里买多了，想退掉一部分。",
            "请给我{order}的退货地址。",
        ),
        "refund_status": (
            "订单{order}退货已经两周了，退款还没有到账。",
            "请问{order}的退款什么时候到？",
            "{order}的退款没有退到我的卡{card}上。",
            "你们答应给{order}退款，银行卡里一直没有。",
        ),
        "change_address": (
            "我搬家了，请把{order}改送到{address}。",
            "我的新地址是{address}，请帮我修改。",
            "账户里的地址不对，应该是{address}。",
            "以后的订单请送到{address}。",
        ),
        "payment_failed": (
            "我的银行卡{card}支付失败了两次。",
            "订单{order}付款失败，但是钱已经扣了。",
            "输入卡号{card}以后页面报错，付不了款。",
            "订单{order}重复扣款了，卡号{card}。",
        ),
        "account_access": (
            "我用{email}登录不了，收不到重置邮件。",
            "我的账户{email}被锁定了。",
            "有人改了我{email}的密码，请帮我找回账户。",
            "手机号{phone}已经不用了，收不到验证码。",
        ),
        "product_question": (
            "请问{order}里的商品含有坚果吗？",
            "订单{order}里的那款还有大包装吗？",
            "{order}里的商品开封以后能放多久？",
            "请问{order}里的面包是什么配料？",
        ),
        "damaged_item": (
            "订单{order}收到的时候坏了一半。",
            "{order}的箱子是破的，东西漏了。",
            "{order}里有一瓶碎了，请补发。",
            "{order}里的东西变质了，已经过期。",
        ),
    },
    vague="上周问过订单{order}的事情，一直没有人回复，请处理。",
    details=(
        "我的电话是{phone}。",
        "邮箱{email}，手机{phone}。",
        "请发邮件到{email}。",
        "我住在{address}。",
        "账户名{name}，邮箱{email}。",
        "我是用卡{card}付的款。",
        "请尽快回复。",
        "请打{phone}联系我。",
    ),
    closings=("谢谢！{name}", "谢谢。", "{given}，{phone}", "麻烦了！", "谢谢，{name}"),
    space="",
)
