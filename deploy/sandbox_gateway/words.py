"""What the pay page says, in each language that patients of ours choose, as a real provider's page would."""

from collections.abc import Callable
from typing import Any

LANGUAGES = ("en", "es", "ar", "zh_Hans")
_WORDS: dict[str, tuple[str, str, str]] = {
    "Sandbox card provider": ("Proveedor de tarjetas de prueba", "مزوّد بطاقات تجريبي", "测试用银行卡支付服务商"),
    "Sandbox card provider – no real card, no real money": (
        "Proveedor de tarjetas de prueba: ni tarjetas ni dinero de verdad",
        "مزوّد بطاقات تجريبي – لا بطاقة حقيقية ولا مال حقيقي",
        "测试用银行卡支付服务商：没有真实的卡，也没有真实的钱",
    ),
    "Error: ": ("Error: ", "خطأ: ", "错误："),
    "Pay {amount}": ("Pagar {amount}", "ادفع {amount}", "支付 {amount}"),
    "Pay {amount} by card": ("Pagar {amount} con tarjeta", "ادفع {amount} بالبطاقة", "用银行卡支付 {amount}"),
    "This payment is done": ("Este pago está hecho", "تم هذا الدفع", "这笔付款已完成"),
    "You need not do anything more here.": (
        "No tiene que hacer nada más aquí.",
        "لا حاجة إلى فعل أي شيء آخر هنا.",
        "您在这里不需要再做任何事。",
    ),
    "Go back to Consilium": ("Volver a Consilium", "العودة إلى Consilium", "返回 Consilium"),
    "This payment page is closed": (
        "Esta página de pago está cerrada",
        "صفحة الدفع هذه مغلقة",
        "此付款页面已关闭",
    ),
    "It was open for too long. Nothing was taken. Go back and start the payment again.": (
        "Estuvo abierta demasiado tiempo. No se ha cobrado nada. Vuelva y empiece el pago de nuevo.",
        "بقيت مفتوحة وقتًا طويلًا. لم يُسحب أي مبلغ. ارجع وابدأ الدفع من جديد.",
        "页面打开的时间过长。没有扣款。请返回并重新开始付款。",
    ),
    "Your bank asks: is it you who pays {amount}?": (
        "Su banco pregunta: ¿es usted quien paga {amount}?",
        "يسألك بنكك: هل أنت من يدفع {amount}؟",
        "您的银行想确认：是您本人在支付 {amount} 吗？",
    ),
    "Yes, pay": ("Sí, pagar", "نعم، ادفع", "是的，支付"),
    "No, don't pay": ("No, no pagar", "لا، لا تدفع", "不，不支付"),
    "There is a problem": ("Hay un problema", "هناك مشكلة", "有一个问题"),
    "Card number": ("Número de tarjeta", "رقم البطاقة", "卡号"),
    "Expiry date, month/year, such as 12/34": (
        "Fecha de caducidad, mes/año, por ejemplo 12/34",
        "تاريخ انتهاء الصلاحية، الشهر/السنة، مثل 12/34",
        "有效期，月/年，例如 12/34",
    ),
    "Security code, 3 or 4 digits": (
        "Código de seguridad, 3 o 4 cifras",
        "رمز الأمان، 3 أو 4 أرقام",
        "安全码，3 或 4 位数字",
    ),
    "Test cards": ("Tarjetas de prueba", "بطاقات تجريبية", "测试卡"),
    "Number": ("Número", "الرقم", "卡号"),
    "What happens": ("Qué ocurre", "ما الذي يحدث", "结果"),
    "The payment succeeds": ("El pago se realiza", "ينجح الدفع", "付款成功"),
    "The bank declines it": ("El banco la rechaza", "يرفضها البنك", "银行拒绝"),
    "The bank asks once more (3-D Secure)": (
        "El banco pregunta otra vez (3-D Secure)",
        "يسأل البنك مرة أخرى (\u20663-D Secure\u2069)",
        "银行再次确认（3-D Secure）",
    ),
    "It succeeds, and its holder disputes it at once": (
        "Se realiza, y su titular lo reclama enseguida",
        "ينجح، ثم يعترض عليه صاحب البطاقة فورًا",
        "成功，但持卡人随即提出争议",
    ),
    "It succeeds; a refund is pending, then succeeds": (
        "Se realiza; una devolución queda pendiente y luego se realiza",
        "ينجح؛ والاسترداد يبقى معلّقًا ثم ينجح",
        "成功；退款先待处理，然后成功",
    ),
    "It succeeds; a refund is pending, then fails": (
        "Se realiza; una devolución queda pendiente y luego falla",
        "ينجح؛ والاسترداد يبقى معلّقًا ثم يفشل",
        "成功；退款先待处理，然后失败",
    ),
    "Any expiry date to come and any security code will do.": (
        "Sirve cualquier fecha de caducidad futura y cualquier código de seguridad.",
        "يصلح أي تاريخ انتهاء قادم وأي رمز أمان.",
        "任何未来的有效期和任何安全码都可以。",
    ),
    "Go back without paying": ("Volver sin pagar", "العودة دون دفع", "不付款并返回"),
    "The bank declined this card. Nothing was taken. Try another card.": (
        "El banco ha rechazado esta tarjeta. No se ha cobrado nada. Pruebe con otra.",
        "رفض البنك هذه البطاقة. لم يُسحب أي مبلغ. جرّب بطاقة أخرى.",
        "银行拒绝了这张卡。没有扣款。请换一张卡。",
    ),
    "Enter one of the test card numbers: this provider knows no real card": (
        "Escriba uno de los números de prueba: este proveedor no conoce tarjetas de verdad",
        "أدخل أحد أرقام البطاقات التجريبية: هذا المزوّد لا يعرف بطاقات حقيقية",
        "请输入一个测试卡号：此服务商不认识真实的卡",
    ),
    "Enter the month and year on the card, such as 12/34": (
        "Escriba el mes y el año de la tarjeta, por ejemplo 12/34",
        "أدخل الشهر والسنة المكتوبين على البطاقة، مثل 12/34",
        "请输入卡上的月份和年份，例如 12/34",
    ),
    "This card has expired: enter a month that is still to come": (
        "Esta tarjeta ha caducado: escriba un mes que aún no haya pasado",
        "انتهت صلاحية هذه البطاقة: أدخل شهرًا لم يأت بعد",
        "此卡已过期：请输入尚未到来的月份",
    ),
    "Enter the 3 or 4 digits of the security code": (
        "Escriba las 3 o 4 cifras del código de seguridad",
        "أدخل أرقام رمز الأمان الثلاثة أو الأربعة",
        "请输入安全码的 3 或 4 位数字",
    ),
}


def words_of(locale: str) -> Callable[..., str]:
    """Return what says a sentence in a language: ``_("Pay {amount}", amount=…)``. Raises ``KeyError`` for an unknown one."""

    def said(text: str, **told: Any) -> str:
        found = text if locale == "en" else _WORDS[text][LANGUAGES.index(locale) - 1]
        assert text in _WORDS
        return found.format(**told) if told else found

    return said
